// Every entry in one program of a server's runtime: the hash of each, as JSON.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import * as main from "laser-attention";
import * as nn from "laser-attention/nn";
import * as relaxed from "laser-attention/relaxed";
import * as slim from "laser-attention/slim";
import * as threads from "laser-attention/threads";
import { bits } from "./bits.js";
import { train } from "./train.js";

const wasm = pathToFileURL(createRequire(import.meta.url).resolve("laser-attention/kernels.wasm"));
const two = threads.createSync({ threads: 2 });
const fused = relaxed.createSync();
const result = {
  main: bits(main.createSync()),
  created: bits(await main.create()),
  slim: bits(await slim.create({ wasm })),
  members: two.threads, // first: it waits until both have started
  threads: bits(two),
  relaxed: bits(fused),
  simd: fused.simd,
  training: train(nn.createSync({ threads: 1 })),
  trainingTwo: train(await nn.create({ threads: 2 })),
};
console.log(JSON.stringify(result));
