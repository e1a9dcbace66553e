/**
 * The LASER paper asks whether the gradient reaches the keys that softmax leaves almost nothing. This program asks it of
 * a text: bytes -> seeded embedding and projection -> both variants, forward and backward.
 *
 *   npm start -- [--text FILE] [--seed 1] [--scores 4] [--values 1]
 */
import { readFileSync } from "node:fs";
import { arch, cpus, platform } from "node:os";
import { basename, resolve } from "node:path";
import { parseArgs } from "node:util";
import { createSync, type Variant } from "../../src/index.js";
import { D, H, type Inputs, makeInputs, N_LEAST, N_MOST, type Spread } from "./model.js";
import { flops, type Run, runBoth } from "./run.js";
import { drawSample, HEAD, largestErrors, measureSignal, ROWS, type Sample } from "./signal.js";
import { type Column, formatSentence, formatTable } from "./table.js";

const ROUNDS = 5;

interface Arguments {
  text: string;
  seed: number;
  spread: Spread;
}

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      text: { type: "string" },
      seed: { type: "string", default: "1" },
      scores: { type: "string", default: "4" },
      values: { type: "string", default: "1" },
    },
  });
  const positive = (name: "seed" | "scores" | "values"): number => {
    const x = Number(values[name]);
    if (!Number.isFinite(x) || x <= 0) throw new Error(`--${name}: a number above 0 expected, got "${values[name]}"`);
    return x;
  };
  return {
    // npm runs scripts in the project's folder, a path is meant from where npm was called
    text: values.text === undefined ? "README.md" : resolve(process.env.INIT_CWD ?? "", values.text),
    seed: positive("seed"),
    spread: { scores: positive("scores"), values: positive("values") },
  };
}

/** The first bytes of the file, N_MOST at most. */
function readBytes(file: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new Error(`--text: cannot read ${file} (${(error as NodeJS.ErrnoException).code})`, { cause: error });
  }
  if (bytes.length < N_LEAST)
    throw new Error(`--text: at least ${N_LEAST} bytes expected, ${file} has ${bytes.length}`);
  return bytes.subarray(0, N_MOST);
}

const norm = (x: Float32Array): number => Math.sqrt(x.reduce((sum, y) => sum + y * y, 0));

function describe(variant: Variant, run: Run, sample: Sample, N: number): Column {
  const { forwardMs, backwardMs, dq, dk, dv } = run;
  const { forward, backward } = flops(N);
  return {
    ms: { forward: forwardMs, backward: backwardMs },
    gflops: { forward: forward / forwardMs / 1e6, backward: backward / backwardMs / 1e6 },
    errors: largestErrors(sample, variant, run),
    norms: { dq: norm(dq), dk: norm(dk), dv: norm(dv) },
    ...measureSignal(sample, variant),
  };
}

function header(text: string, inputs: Inputs, seed: number, { scores, values }: Spread): string {
  const N = inputs.q.shape[2]!;
  return [
    `laser-attention on the first ${N} bytes of ${text}: causal, B 1, H ${H}, N ${N}, D ${D}, float32`,
    `Node ${process.version}, ${platform()} ${arch()}, ${cpus()[0]?.model.trim()}, one thread, plain SIMD`,
    `Inputs, seed ${seed}: byte + position embedding, layer norm, projection to q, k, v; d out is normal, deviation 1.`,
    `Deviation of the values ${values}, of the scores ${scores} (at 1 attention is near uniform; at 4 about a fifth of p is below`,
    "1e-7, the paper's figure for trained language models, which also have about 80 % below 1e-3).",
    `Times: the fastest of ${ROUNDS}. p, d out / d score and errors of out and dq: ${ROWS} rows drawn per head; errors of dk`,
    `and dv: all keys of head ${HEAD}. Errors are absolute, against float64.`,
  ].join("\n");
}

async function main({ text, seed, spread }: Arguments): Promise<void> {
  const bytes = readBytes(text);
  const la = createSync();
  const inputs = makeInputs(la, bytes, seed, spread);
  await la.warmup();
  const runs = runBoth(la, inputs, ROUNDS);
  const sample = drawSample(inputs, seed);
  const columns = {
    standard: describe("standard", runs.standard, sample, bytes.length),
    laser: describe("laser", runs.laser, sample, bytes.length),
  };
  console.log(`${header(text, inputs, seed, spread)}\n\n${formatTable(columns)}\n`);
  console.log(formatSentence(basename(text), columns));
  la.dispose();
}

try {
  await main(readArguments());
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
