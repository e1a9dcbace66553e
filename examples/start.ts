/**
 * npm start [-- --text FILE]: a small LASER language model, trained on this project's own sources or on a text of yours, beside
 * the same model with standard attention. About a minute on two cores; the output is the same every time, but for times.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Bar } from "../src/cli/run.js";
import { create } from "../src/nn/index.js";
import { makeTask, recipeOf, Trainer } from "../src/train/index.js";

// 2,000 steps of both variants: a fixed number, so that nothing depends on a clock.
const SIZES = {
  width: 64,
  heads: 4,
  layers: 2,
  context: 64,
  batch: 16,
  steps: 2000,
  every: 1000,
  evaluations: 10,
  lr: 4e-3,
};

/** The TypeScript below a folder, in one order everywhere, without what the build writes. */
function sources(folder: string): string {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  const parts = entries.map((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "generated" ? "" : sources(path);
    return entry.name.endsWith(".ts") ? readFileSync(path, "utf8") : "";
  });
  return parts.join("");
}

/** npm runs scripts in the project's folder; a path is meant from where npm was called. */
const readGiven = (path: string): string => readFileSync(resolve(process.env.INIT_CWD ?? "", path), "utf8");

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { text: { type: "string" } } });
  const text = values.text === undefined ? sources("src") + sources("assembly") : readGiven(values.text);
  console.log(
    `${text.length} characters of ${values.text ?? "src and assembly"}, ${SIZES.steps} steps of each variant`,
  );
  const results: string[] = [];
  for (const variant of ["standard", "laser"] as const) {
    const nn = await create();
    const recipe = recipeOf("lm", { ...SIZES, variant });
    const task = makeTask(nn, "lm", recipe, text);
    const trainer = new Trainer(nn, "lm", task, recipe);
    if (variant === "laser") console.log(`\nLASER before training writes:\n${task.sample()}\n`);
    const bar = new Bar([{ trainer }], false);
    const stop = () => {
      bar.stop(); // shows the cursor again
      process.exit(130);
    };
    process.once("SIGINT", stop);
    while (!trainer.done) {
      bar.show(trainer.step().tokens, trainer);
      await setImmediate(); // lets ctrl-C in
    }
    bar.stop();
    process.removeListener("SIGINT", stop);
    const values = trainer.history.evaluations.map(({ step, value }) => `${value.toFixed(4)} after ${step}`);
    results.push(`${variant.padEnd(8)} ${task.measure} ${values.join(", ")} steps`);
    if (variant === "laser") console.log(`\nLASER after training writes:\n${task.sample()}\n`);
    nn.dispose();
  }
  console.log(results.join("\n"));
}

try {
  await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
