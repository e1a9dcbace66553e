/** A worker of the test: an instance of its own, of the module that it is sent, answers with one number. */
import { createSync } from "laser-attention/slim";
import { sum } from "../support/instance.js";

type Message = { wasm: Parameters<typeof createSync>[0]["wasm"] };

const answer = (wasm: Message["wasm"]): number => sum(createSync({ wasm }));
const port = globalThis.process?.getBuiltinModule?.("node:worker_threads").parentPort;

if (port) port.once("message", (wasm) => port.postMessage(answer(wasm)));
else {
  const page = globalThis as unknown as {
    onmessage: (event: { readonly data: Message["wasm"] }) => void;
    postMessage(message: unknown): void;
  };
  page.onmessage = ({ data }) => page.postMessage(answer(data));
}
