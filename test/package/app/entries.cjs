// The same through require().
const { readFileSync } = require("node:fs");
const main = require("laser-attention");
const nn = require("laser-attention/nn");
const relaxed = require("laser-attention/relaxed");
const slim = require("laser-attention/slim");
const threads = require("laser-attention/threads");
const { version } = require("laser-attention/package.json");
const { bits } = require("./bits.js");
const { train } = require("./train.js");

const wasm = readFileSync(require.resolve("laser-attention/kernels.wasm"));
const two = threads.createSync({ threads: 2 });
const fused = relaxed.createSync();
const result = {
  main: bits(main.createSync()),
  slim: bits(slim.createSync({ wasm })),
  threads: bits(two),
  members: two.threads,
  relaxed: bits(fused),
  simd: fused.simd,
  training: train(nn.createSync({ threads: 1 })),
  trainingTwo: train(nn.createSync({ threads: 2 })),
  version,
};
console.log(JSON.stringify(result));
