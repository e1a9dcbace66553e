/** laser-attention fill: hidden characters of a text. */
import type { Command } from "commander";
import { fill } from "../models/fill.js";
import { naming } from "./data.js";
import { printJson, UserError, withLf, write } from "./files.js";
import { tokenizerOf, type Usage, usage, withModel } from "./model.js";
import { character, integer } from "./options.js";

interface Options extends Usage {
  text: string;
  hole: string;
  candidates: number;
}

export function addFill(program: Command): void {
  usage(program, "fill", "fill in hidden characters, with a model of train bert")
    .requiredOption("--text <text>", "a text with holes, as in 'To be or n_t to be'", withLf)
    .option("--hole <character>", "what a hole looks like", character, "_")
    .option("--candidates <n>", "characters to list for each hole", integer(1), 3)
    .action((options: Options) =>
      withModel(options, "bert", (nn, model, extra) => {
        const { text, hole, candidates, json } = options;
        const characters = Array.from(text);
        const { length } = characters;
        const { context } = model.config;
        if (length > context) throw new UserError(`the text must have at most ${context} characters, got ${length}`);
        if (!text.includes(hole)) throw new UserError(`the text has no hole, which is a ${hole}`);
        const tokenizer = tokenizerOf(extra, "bert", model.config.vocabulary);
        // All at once, with any known character in the holes, so that an unknown one is told by its place.
        const known = naming("--text", () => tokenizer.encode(text.replaceAll(hole, tokenizer.decode([0]))));
        const ids = characters.map((one, n) => (one === hole ? model.maskId : known[n]!));
        const { ids: filled, places } = fill(nn, model, [ids], { candidates })[0]!;
        const found = places.map(({ position, candidates: all }) => ({
          position,
          candidates: all.map(({ id, probability }) => ({ text: tokenizer.decode([id]), probability })),
        }));
        if (json) return printJson({ text: tokenizer.decode(filled), places: found });
        write(`${tokenizer.decode(filled)}\n`);
        for (const { position, candidates: all } of found) {
          const list = all.map((one) => `${JSON.stringify(one.text)} ${one.probability.toFixed(3)}`);
          write(`${position}: ${list.join(", ")}\n`);
        }
      }),
    );
}
