/** A page: fetches what is expected, posts the outcome. scripts/test-browsers.mjs serves both. */
import { type Outcome, runAll } from "../main.js";
import type { Expected } from "../support/expected.js";

const beside = (name: string): string => new URL(name, import.meta.url).href;

async function outcome(): Promise<Outcome | { crash: string }> {
  try {
    const expected = (await (await fetch(beside("./expected.json"))).json()) as Expected;
    return await runAll({ ...expected, kernels: beside("./kernels.wasm") });
  } catch (error) {
    return { crash: String((error as Error).stack ?? error) };
  }
}

await fetch(beside("./outcome"), { method: "POST", body: JSON.stringify(await outcome()) });
