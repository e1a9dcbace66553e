/** laser-attention classify: what the images of a CIFAR-10 file show. */
import type { Command } from "commander";
import { CIFAR10_CLASSES, readCifar10 } from "../data/cifar10.js";
import { classify } from "../models/classify.js";
import { naming } from "./data.js";
import { print, printJson, readBytes } from "./files.js";
import { type Usage, usage, withModel } from "./model.js";
import { integer } from "./options.js";

interface Options extends Usage {
  images: string;
  count: number;
  candidates: number;
}

export function addClassify(program: Command): void {
  usage(program, "classify", "say what images show, by a model of train vit")
    .requiredOption("--images <file>", "a file of the binary version of CIFAR-10")
    .option("--count <n>", "images from the first one on", integer(1), 10)
    .option("--candidates <n>", "classes to list for each", integer(1), 3)
    .action((options: Options) =>
      withModel(options, "vit", (nn, model) => {
        const { images, count, candidates, json } = options;
        const { pixels, labels } = naming(images, () => readCifar10(readBytes(images)));
        const found = classify(nn, model, pixels.subarray(0, count * 3072), { candidates });
        const named = found.map((all, image) => ({
          ...{ image, label: CIFAR10_CLASSES[labels[image]!] },
          candidates: all.map(({ id, probability }) => ({ class: CIFAR10_CLASSES[id]!, probability })),
        }));
        if (json) return printJson(named);
        for (const { image, label, candidates: all } of named) {
          const list = all.map((one) => `${one.class} ${one.probability.toFixed(3)}`).join(", ");
          print(`${image} (${label}): ${list}`);
        }
      }),
    );
}
