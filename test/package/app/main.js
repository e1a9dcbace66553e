import { createSync } from "laser-attention";
import * as nn from "laser-attention/nn";
import * as slim from "laser-attention/slim";
import { create } from "laser-attention/threads";
import { bits } from "./bits.js";
import { kernels } from "./kernels.js"; // the address of kernels.wasm, as each bundler gives it
import { train } from "./train.js";

async function main() {
  const threads = await create({ threads: 2 });
  const training = await nn.create({ threads: 2 });
  const result = {
    main: bits(createSync()),
    slim: bits(await slim.create({ wasm: kernels })),
    threads: bits(threads),
    members: threads.threads,
    training: train(training),
    trainingMembers: training.la.threads,
  };
  threads.dispose();
  training.dispose();
  return result;
}

const send = (result) => fetch("/result", { method: "POST", body: JSON.stringify(result) });
main().then(send, (error) => send({ error: `${error.name}: ${error.message}` }));
