// A page that computes nothing itself: compiled.js and taking.js are the README's lines, which the test writes.
import { postTo } from "./compiled.js";

async function main() {
  const worker = new Worker(new URL("./taking.js", import.meta.url), { type: "module" });
  const posted = new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  });
  await postTo(worker);
  return { posted: await posted };
}

const send = (result) => fetch("/result", { method: "POST", body: JSON.stringify(result) });
main().then(send, (error) => send({ error: `${error.name}: ${error.message}` }));
