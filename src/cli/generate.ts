/** laser-attention generate: text from a language model. */
import { setImmediate } from "node:timers/promises";
import type { Command } from "commander";
import { generate } from "../models/generate.js";
import { naming } from "./data.js";
import { outputClosed, printJson, withLf, write } from "./files.js";
import { tokenizerOf, type Usage, usage, withModel } from "./model.js";
import { integer, real } from "./options.js";

interface Options extends Usage {
  prompt: string;
  count: number;
  temperature: number;
  topK?: number;
  topP?: number;
  seed: number;
}

export function addGenerate(program: Command): void {
  usage(program, "generate", "continue a text, with a model of train lm")
    .requiredOption("--prompt <text>", "the text to continue", withLf)
    .option(
      "--count <n>",
      "tokens to write: characters, or bytes (train --tokens), of which the last may be a part of one",
      integer(0),
      300,
    )
    .option("--temperature <t>", "0 always takes the likeliest", real(0), 0.8)
    .option("--top-k <n>", "only this many of the likeliest", integer(1))
    .option("--top-p <p>", "only the likeliest that together have this probability", real(0, 1))
    .option("--seed <n>", "seed of the draws", integer(0), 1)
    .action((options: Options) =>
      withModel(options, "gpt", async (nn, model, extra) => {
        const { prompt, count, temperature, topK, topP, seed, json } = options;
        const tokenizer = tokenizerOf(extra, "gpt", model.config.vocabulary);
        const sampling = { count, temperature, topK, topP, seed };
        const found = generate(
          nn,
          model,
          naming("--prompt", () => tokenizer.encode(prompt)),
          sampling,
        );
        if (json) {
          const ids = [...found];
          printJson({ prompt, text: tokenizer.decode(ids), ids });
          return;
        }
        write(prompt);
        const text = tokenizer.stream();
        for (const id of found) {
          write(text(id));
          // Lets an error of the output in.
          await setImmediate();
          if (outputClosed()) return;
        }
        write(`${text()}\n`);
      }),
    );
}
