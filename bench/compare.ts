/**
 * Two or more checkouts side by side: for the before and after of a performance change, and for docs/design.md.
 *
 *   npm run bench:compare -- DIR... [--entry relaxed] [--filter NAME] [--time MS]
 *
 * DIR      another checkout of this repository, built (npm run build)
 * --entry  index, relaxed (default) or threads; of training steps: plain, relaxed, or relaxed on two threads
 * --filter only what has NAME in its line (case is ignored); training steps of all sizes, else of the middle one
 * --time   ms that each call gets, about (default 1000)
 *
 * Calls are interleaved; a ratio is the median over the rounds of a checkout's time over this one's. Recompute lines: every
 * element goes through LASER's exact recompute.
 */
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { createSync } from "../src/index.js";
import type { gpt } from "../src/models/index.js";
import type { Nn } from "../src/nn/index.js";
import { environment, inPlace } from "./machine.js";
import { type Call, interleave, ratio } from "./measure.js";
import { worst } from "./recompute.js";
import {
  attentionShapes,
  growthShapes,
  headShapes,
  leftOverMatmulShapes,
  leftOverShapes,
  optionShapes,
  recomputeShapes,
  smallShapes,
  thinMatmulShapes,
  transposedMatmulShapes,
  visibleShapes,
} from "./shapes.js";
import { attentionTask, matmulTask, prepareAttention, type Task, variants } from "./tasks.js";
import { builds, type Options, openOwn, openPackage } from "./train/own.js";
import { workloads } from "./train/workloads.js";

const { values: args, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    entry: { type: "string", default: "relaxed" },
    filter: { type: "string", default: "" },
    time: { type: "string", default: "1000" },
  },
});

const { ViT, LM, decode } = attentionShapes;
const window = visibleShapes.find(({ window }) => window !== undefined)!;
const oneHead = growthShapes.find(({ N }) => N === 1024)!;
const directions = ["forward", "backward"] as const;
const tasks: readonly Pick<Task, "name" | "prepare">[] = [
  ...[ViT, LM, window, oneHead, ...optionShapes, ...leftOverShapes, ...headShapes, smallShapes[1]!].flatMap((shape) =>
    directions.flatMap((direction) => variants.map((variant) => attentionTask(shape, variant, direction))),
  ),
  ...variants.map((variant) => attentionTask(decode, variant, "forward")),
  matmulTask({ m: 512, k: 512, n: 512 }),
  ...[...leftOverMatmulShapes, ...thinMatmulShapes, ...transposedMatmulShapes].map(matmulTask),
  ...recomputeShapes.flatMap((shape) =>
    directions.map((direction) => ({
      name: `recompute ${attentionTask(shape, "laser", direction).name}`,
      prepare: ((la) => prepareAttention(la, shape, worst(shape), "laser", direction).call) as Task["prepare"],
    })),
  ),
];

const stepOptions: Readonly<Record<string, Options>> = {
  index: builds.plain,
  relaxed: builds.relaxed,
  threads: builds["2 threads"],
};

/** Generated in a call. */
const TOKENS = 64;

const [VOCABULARY, CONTEXT] = [65, 128];
const gptSizes = [
  [128, 4, 4],
  [384, 6, 6],
] as const;

interface Line {
  name: string;
  /** `dist` of a checkout. */
  open(dist: URL): Promise<{ call: Call; dispose(): void | Promise<void> }>;
}

function gptLine(
  name: string,
  [width, layers, heads]: readonly [number, number, number],
  prepare: (nn: Nn, model: ReturnType<typeof gpt>) => Call,
): Line {
  return {
    name: `${name}, GPT d ${width}, ${layers} layers`,
    open: async (dist) => {
      const own = await openPackage(dist);
      const nn = own.createSync(stepOptions[args.entry]!);
      const config = { vocabulary: VOCABULARY, context: CONTEXT, width, heads, layers, seed: 1 };
      const call = prepare(nn, own.gpt(nn, { ...config, variant: "standard" }));
      return { call, dispose: () => nn.dispose() };
    },
  };
}

const lines: readonly Line[] = [
  ...tasks.map(({ name, prepare }) => ({
    name,
    open: async (dist: URL) => {
      const file = new URL(`${args.entry}.js`, dist).href;
      const la = ((await import(file)) as { createSync: typeof createSync }).createSync();
      return { call: prepare(la), dispose: () => la.dispose() };
    },
  })),
  ...workloads
    .filter(({ size }) => size === "middle" || args.filter !== "")
    .map((workload) => ({
      name: `step ${workload.name}`,
      open: async (dist: URL) => {
        const trainer = (await openOwn(stepOptions[args.entry]!, dist))(workload);
        return { call: () => trainer.step(), dispose: () => trainer.dispose() };
      },
    })),
  ...gptSizes.map((sizes) =>
    gptLine(`${TOKENS} tokens`, sizes, (nn, model) => {
      const caches = model.caches();
      return () => {
        for (const cache of caches) cache.clear();
        for (let n = 0; n < TOKENS; n++) nn.evaluate(() => model.next([[1]], caches).toArray());
      };
    }),
  ),
  ...gptSizes.map((sizes) =>
    gptLine("forward", sizes, (nn, model) => {
      const row = Array.from({ length: CONTEXT }, (_, n) => n % VOCABULARY);
      return () => nn.evaluate(() => model.logits([row]).toArray());
    }),
  ),
];

const folders = [".", ...positionals];
console.log(
  `${environment.machine}\n${environment.runtime}; entry ${args.entry}; ms of one call, best; time over the first\n`,
);
console.log(`${"".padEnd(64)}${folders.map((folder) => folder.slice(-24).padStart(26)).join("")}`);
for (const { name, open } of lines) {
  if (!name.toLowerCase().includes(args.filter.toLowerCase())) continue;
  const opened = await Promise.all(folders.map((folder) => open(pathToFileURL(`${inPlace(folder)}/dist/`))));
  const series = await interleave(opened, Number(args.time));
  const cells = series.map((one) => {
    const { best } = one.summary;
    return `${best.toPrecision(4)} ${ratio(one, series[0]!).toFixed(3)}`.padStart(26);
  });
  console.log(`${name.padEnd(64)}${cells.join("")}`);
  for (const { dispose } of opened) await dispose();
}
