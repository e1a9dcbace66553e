/** With the browser's types: a WebAssembly.Module, a Response and a URL are what the options take. */
import { create, createSync, type KernelModule } from "laser-attention";
import relaxedKernels from "laser-attention/kernels.relaxed.wasm";
import sharedKernels from "laser-attention/kernels.threads.wasm";
import sharedRelaxedKernels from "laser-attention/kernels.threads-relaxed.wasm";
import kernels from "laser-attention/kernels.wasm";
import * as slim from "laser-attention/slim";
import * as threads from "laser-attention/threads";

declare const bytes: BufferSource;

const module: WebAssembly.Module = kernels;
const same: KernelModule = new WebAssembly.Module(bytes);

export const instances = [
  createSync({ wasm: module }),
  slim.createSync({ wasm: bytes }),
  slim.createSync({ wasm: relaxedKernels }),
  threads.createSync({ wasm: sharedRelaxedKernels, threads: 1 }),
];
export const promised = [
  create({ wasm: WebAssembly.compileStreaming(fetch("kernels.wasm")) }),
  slim.create({ wasm: fetch("kernels.wasm") }),
  slim.create({ wasm: new URL("kernels.wasm", location.href) }),
  threads.create({ wasm: sharedKernels, worker: new URL("worker.js", location.href) }),
];

// @ts-expect-error what is brought to createSync has arrived
slim.createSync({ wasm: fetch("kernels.wasm") });
// @ts-expect-error a response is not bytes yet
createSync({ wasm: new Response() });
// @ts-expect-error nor is an address
createSync({ wasm: new URL("kernels.wasm", location.href) });
// @ts-expect-error in whichever form
createSync({ wasm: "kernels.wasm" });
// @ts-expect-error a number is nothing of the kind
createSync({ wasm: 7 });
createSync({ wasm: same });
