import { jaxJs } from "./jax-js.js";
import { onnxruntimeNode, onnxruntimeWeb } from "./ort.js";
import { plain, relaxed } from "./own.js";
import type { Peer } from "./peer.js";
import { plainJs } from "./plain-js.js";
import { tfjs } from "./tfjs.js";

/** Both builds of this package first, then what they are held against. */
export const own: readonly Peer[] = [plain, relaxed];
export const others: readonly Peer[] = [onnxruntimeWeb, tfjs, jaxJs, onnxruntimeNode, plainJs];
export const peers: readonly Peer[] = [...own, ...others];
