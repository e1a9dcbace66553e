// The page of an app that trains: two steps on two threads.
import { create } from "laser-attention/nn";
import { train } from "./train.js";

async function main() {
  const nn = await create({ threads: 2 });
  const result = { training: train(nn), members: nn.la.threads };
  nn.dispose();
  return result;
}

const send = (result) => fetch("/result", { method: "POST", body: JSON.stringify(result) });
main().then(send, (error) => send({ error: `${error.name}: ${error.message}` }));
