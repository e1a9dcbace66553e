/**
 * The most that each thing may take, in bytes. An entry is all the JavaScript that it loads, in one piece, as a page gets it;
 * "brotli" is of quality 11.
 */
export const BUDGETS = [
  { what: "laser-attention", files: "index.js", measure: "brotli", limit: 18_000 },
  { what: "laser-attention/relaxed", files: "relaxed.js", measure: "brotli", limit: 30_000 },
  { what: "laser-attention/threads", files: "threads.js", measure: "brotli", limit: 45_000 },
  { what: "laser-attention/slim", files: "slim.js", measure: "brotli", limit: 9_000 },
  { what: "laser-attention/worker.js", files: "worker.js", measure: "brotli", limit: 1_000 },
  { what: "laser-attention/kernels.wasm", files: "kernels.wasm", measure: "brotli", limit: 8_000 },
  { what: "tarball", files: "tarball", measure: "raw", limit: 250_000 },
];
