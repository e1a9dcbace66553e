import { createSync } from "laser-attention";
import { create } from "laser-attention/threads";
import { bits } from "./bits.js";

async function main() {
  const threads = await create({ threads: 2 });
  const result = {
    main: bits(createSync()),
    slim: bits((await import("./slim.js")).la), // the bundler's own lines; imported above, their failure would not be sent
    threads: bits(threads),
    members: threads.threads,
  };
  threads.dispose();
  return result;
}

const send = (result) => fetch("/result", { method: "POST", body: JSON.stringify(result) });
main().then(send, (error) => send({ error: `${error.name}: ${error.message}` }));
