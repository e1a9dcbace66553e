import { type Ort, ortFormulations } from "./ort.js";
import { load, type Peer } from "./peer.js";

/** Native code, wider vectors than WebAssembly has: what a server may use. */
export const onnxruntimeNode: Peer = {
  name: "onnxruntime-node",
  packages: ["onnxruntime-node"],
  async open() {
    const ort = await load<Ort>("onnxruntime-node");
    ort.env.logLevel = "error";
    return ortFormulations(ort);
  },
};
