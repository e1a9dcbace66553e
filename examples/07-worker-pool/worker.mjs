import { parentPort, threadId, workerData } from "node:worker_threads";
import { createSync } from "laser-attention/slim";

const la = createSync({ wasm: workerData.wasm, maxMemory: 2 ** 26 });
const D = 32;

parentPort.on("message", (x) => {
  const out = la.scope(() => {
    const t = la.tensor(x, [1, 1, x.length / D, D]);
    return la.attention(t, t, t, { variant: "laser", causal: true }).toArray();
  });
  parentPort.postMessage({ out, thread: threadId }, [out.buffer]);
});
