import { createSync, type LaserAttention } from "../../src/index.js";
import { createSync as createRelaxed } from "../../src/relaxed.js";

export const plain: LaserAttention = createSync();
const relaxed = createRelaxed();

/** The builds that this runtime can run: plain, and relaxed where the engine has relaxed SIMD. */
export const engines: readonly LaserAttention[] = relaxed.simd === "relaxed" ? [plain, relaxed] : [plain];
