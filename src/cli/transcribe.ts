/** laser-attention transcribe: what is said in wav files. */
import type { Command } from "commander";
import { show } from "../check.js";
import { framesOf, LOG_MEL_RATE, logMel, MELS, secondsOf } from "../data/log-mel.js";
import { transcribe } from "../models/transcribe.js";
import { textOf } from "../train/index.js";
import { naming, readSamples } from "./data.js";
import { complain, outputClosed, printJson, UserError, visible, write } from "./files.js";
import { stringsOf, type Usage, usage, withModel } from "./model.js";
import { integer } from "./options.js";

interface Options extends Usage {
  beam: number;
}

export function addTranscribe(program: Command): void {
  usage(program, "transcribe", "write down what is said, with a model of train conformer")
    .argument("<wav...>", "wav files")
    .option("--beam <n>", "width of the search; 1 takes the likeliest path", integer(1), 8)
    .action((files: string[], options: Options) =>
      withModel(options, "conformer", (nn, model, extra) => {
        const { classes, mels, context, stack } = model.config;
        const longest = (context + 1) * stack - 1;
        if (mels !== MELS)
          throw new UserError(`the checkpoint's model must take features of ${MELS} mels, got ${mels}`);
        const symbols = stringsOf(extra, "symbols", classes - 1); // class 0 is the blank
        const { separator } = extra;
        if (typeof separator !== "string") {
          throw new UserError(`the checkpoint's separator must be a string, got ${show(separator)}`);
        }
        const found: ({ file: string } & ({ text: string; logLikelihood: number } | { error: string }))[] = [];
        for (const file of files) {
          if (outputClosed()) return;
          try {
            const samples = readSamples(file);
            if (framesOf(samples.length) > longest) {
              const [lasts, most] = [samples.length / LOG_MEL_RATE, secondsOf(longest)].map((x) => x.toFixed(2));
              throw new UserError(`${file} lasts ${lasts} s, and the model's context ${most} s: cut it at pauses`);
            }
            const [one] = naming(file, () => {
              const { data, frames } = logMel(samples);
              return transcribe(nn, model, data, [frames], { beam: options.beam });
            });
            const { labels, logLikelihood } = one!;
            const text = textOf(labels, symbols, separator);
            if (options.json) found.push({ file, text, logLikelihood });
            else write(`${visible(file)}: ${text} (${logLikelihood.toFixed(2)})\n`);
          } catch (error) {
            // The others are transcribed all the same.
            complain(error);
            if (options.json) found.push({ file, error: (error as Error).message });
          }
        }
        if (options.json) printJson(found);
      }),
    );
}
