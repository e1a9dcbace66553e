import { type Ort, ortFormulations } from "./ort.js";
import { load, type Peer } from "./peer.js";

export async function openOrt(): Promise<Ort> {
  const ort = await load<Ort>("onnxruntime-web");
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = 1;
  return ort;
}

export const onnxruntimeWeb: Peer = {
  name: "onnxruntime-web",
  packages: ["onnxruntime-web"],
  open: async () => ortFormulations(await openOrt()),
};
