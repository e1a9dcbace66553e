/**
 * The most that each thing may take, in bytes, a little above what it takes; and the goal, where it is not reached yet. An
 * entry is all the JavaScript that it loads, in one piece, as a page gets it; "brotli" is of quality 11.
 * docs/design.md, "Size", says why goals are not reached.
 * ./nn brings six builds of kernels, attention and training, for one thread and for several; ./models brings none, but the attention
 * call and the operations that its layers are made of, which it shares with ./nn, and readers of what models take (2.7 KB).
 */
export const BUDGETS = [
  { what: "laser-attention", files: "index.js", measure: "brotli", limit: 26_830, goal: 18_000 },
  { what: "laser-attention/relaxed", files: "relaxed.js", measure: "brotli", limit: 30_470 },
  { what: "laser-attention/threads", files: "threads.js", measure: "brotli", limit: 35_590 },
  { what: "laser-attention/slim", files: "slim.js", measure: "brotli", limit: 13_570 },
  { what: "laser-attention/nn", files: "nn/index.js", measure: "brotli", limit: 60_460 },
  { what: "laser-attention/models", files: "models/index.js", measure: "brotli", limit: 29_060 },
  { what: "laser-attention/worker.js", files: "worker.js", measure: "brotli", limit: 860 },
  { what: "laser-attention/kernels.wasm", files: "kernels.wasm", measure: "raw", limit: 35_830, goal: 24_000 },
  { what: "laser-attention/kernels.wasm", files: "kernels.wasm", measure: "brotli", limit: 12_270, goal: 8_000 },
  { what: "tarball", files: "tarball", measure: "raw", limit: 398_500, goal: 250_000 },
];
