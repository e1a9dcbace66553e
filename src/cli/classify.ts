/** laser-attention classify: what the images of a CIFAR-10 file show. */
import { isDeepStrictEqual } from "node:util";
import type { Command } from "commander";
import { CIFAR10_CLASSES, readCifar10 } from "../data/cifar10.js";
import { classify } from "../models/classify.js";
import { naming } from "./data.js";
import { print, printJson, readBytes, UserError } from "./files.js";
import { stringsOf, type Usage, usage, withModel } from "./model.js";
import { integer, path } from "./options.js";

/** Rows and columns of an image of CIFAR-10. */
const SIDE = 32;

interface Options extends Usage {
  images: string;
  count: number;
  candidates: number;
}

export function addClassify(program: Command): void {
  usage(program, "classify", "say what images show, with a model of train vit")
    .requiredOption("--images <file>", "a file of the binary version of CIFAR-10", path)
    .option("--count <n>", "images from the first one on", integer(1), 10)
    .option("--candidates <n>", "classes to list for each", integer(1), 3)
    .action((options: Options) =>
      withModel(options, "vit", (nn, model, extra) => {
        const { images, count, candidates, json } = options;
        const { side, classes } = model.config;
        if (side !== SIDE) {
          throw new UserError(`the checkpoint's model must take images of side ${SIDE}, as of CIFAR-10, got ${side}`);
        }
        const names = extra.classes === undefined ? undefined : stringsOf(extra, "classes", classes);
        // The labels in the file are of CIFAR-10: to a model of other classes they say nothing.
        const labelled = isDeepStrictEqual(names, CIFAR10_CLASSES);
        const { pixels, labels } = naming(images, () => readCifar10(readBytes(images)));
        const found = classify(nn, model, pixels.subarray(0, count * 3 * SIDE * SIDE), { candidates });
        const named = found.map((all, image) => ({
          ...{ image, ...(labelled && { label: CIFAR10_CLASSES[labels[image]!] }) },
          candidates: all.map(({ id, probability }) => ({ class: names?.[id] ?? id, probability })),
        }));
        if (json) return printJson(named);
        for (const { image, label, candidates: all } of named) {
          const list = all.map((one) => `${one.class} ${one.probability.toFixed(3)}`).join(", ");
          print(`${image}${label === undefined ? "" : ` (${label})`}: ${list}`);
        }
      }),
    );
}
