import { createSync } from "laser-attention";
import * as slim from "laser-attention/slim";
import { create } from "laser-attention/threads";
import { bits } from "./bits.js";
import { kernels } from "./kernels.js"; // the address of kernels.wasm, as each bundler gives it

async function main() {
  const threads = await create({ threads: 2 });
  const result = {
    main: bits(createSync()),
    slim: bits(await slim.create({ wasm: kernels })),
    threads: bits(threads),
    members: threads.threads,
  };
  threads.dispose();
  return result;
}

const send = (result) => fetch("/result", { method: "POST", body: JSON.stringify(result) });
main().then(send, (error) => send({ error: `${error.name}: ${error.message}` }));
