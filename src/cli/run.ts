/** Runs one trainer, or two side by side, with a bar; saves on the way, at the end and when it is stopped. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { SingleBar } from "cli-progress";
import type { Progress, Trainer } from "../train/index.js";
import { outputClosed, print, printJson, readBytes, removeHalves, UserError, writeWhole } from "./files.js";
import { report } from "./report.js";

export interface Run {
  trainer: Trainer;
  /** Where its checkpoints go: last.safetensors and best.safetensors. */
  folder: string;
  /** The contents of last.safetensors that it goes on with, by `digestOfFile`. */
  last?: string | undefined;
}

export interface RunOptions {
  /** One JSON object a line instead of a bar. */
  json: boolean;
  /** Where the report goes. */
  out: string;
  /** What goes into the checkpoint beside the run: the path of the data. */
  notes: { readonly [name: string]: unknown };
  /** How to go on, for the message. */
  again: string;
}

export const LAST = "last.safetensors";
export const BEST = "best.safetensors";
export const REPORT = "report.html";

/** SIGBREAK is Windows' ctrl-Break. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"] as const;

/** Trains to the end, or until a signal or a closed output stops it: all is saved then, and false is returned. */
export async function runAll(runs: readonly Run[], options: RunOptions): Promise<boolean> {
  let received: (typeof SIGNALS)[number] | undefined;
  const listeners = SIGNALS.map((name) => ({
    name,
    listener: () => {
      received ??= name;
    },
  }));
  for (const { name, listener } of listeners) process.on(name, listener);
  try {
    const done = await trainAll(runs, options, () => received !== undefined || outputClosed());
    if (!done && received !== undefined) process.exitCode = 128 + constants.signals[received];
    return done;
  } finally {
    // Not before all is saved: a second ctrl-C must not cut that short.
    for (const { name, listener } of listeners) process.removeListener(name, listener);
  }
}

async function trainAll(
  runs: readonly Run[],
  { json, out, notes, again }: RunOptions,
  stopped: () => boolean,
): Promise<boolean> {
  const say = (event: object, text?: string) => {
    if (json) printJson(event);
    else if (text !== undefined) print(text);
  };
  /** The steps in each last.safetensors. */
  const saved = new Map(runs.flatMap((run) => (run.trainer.steps > 0 ? [[run, run.trainer.steps]] : [])));
  /** The contents of each last.safetensors as it was read or written here: two may go on with one run. */
  const known = new Map(runs.map((run) => [run, run.last]));
  /** What new runs begin with, until they are saved: the last good parameters of one whose first step made useless ones. */
  const begun = new Map(runs.flatMap((run) => (run.trainer.steps === 0 ? [[run, run.trainer.save(notes)]] : [])));
  const save = (name: string, run: Run, bytes = run.trainer.save(notes), steps = run.trainer.steps) => {
    const last = join(run.folder, LAST);
    const found = digestOfFile(last);
    if (found !== undefined && found !== known.get(run)) {
      throw new UserError(
        `${last} was written by another run in the meantime: stop one of them, or give another --out`,
      );
    }
    writeWhole(join(run.folder, name), bytes);
    if (name !== LAST) return;
    begun.delete(run);
    saved.set(run, steps);
    known.set(run, sha256(bytes));
  };
  const trainers = runs.map(({ trainer }) => trainer);
  const saveReport = (failure?: string) => writeWhole(join(out, REPORT), report(trainers, notes, failure));
  const step = (run: Run): Progress => {
    const { trainer } = run;
    try {
      return trainer.step();
    } catch (error) {
      if (!isOfNumbers(error)) throw error;
      const reported = trainer.steps > 0;
      try {
        if (reported && begun.has(run)) save(LAST, run, begun.get(run), 0);
      } catch {
        // The reason to tell is that of the step.
      }
      const failure = ofNumbers(run, saved.get(run), reported || saved.size > 0, error);
      if (reported) saveReport(failure.message);
      say({ event: "failed", variant: trainer.recipe.variant, message: failure.message });
      throw failure;
    }
  };
  const files = runs.flatMap(({ folder }) => [LAST, BEST].map((name) => join(folder, name)));
  for (const file of [...files, join(out, REPORT)]) removeHalves(file);
  if (!json && runs.every(({ trainer }) => trainer.done)) print("All steps were done before.");
  const bar = new Bar(runs, json);
  try {
    while (!stopped() && runs.some(({ trainer }) => !trainer.done)) {
      for (const run of runs) {
        const { trainer } = run;
        // After a stop in the middle of a pair, the one that is behind goes first.
        if (trainer.done || runs.some((other) => other.trainer.steps < trainer.steps)) continue;
        const { variant } = trainer.recipe;
        const { value, best, ...progress } = step(run);
        say({ event: "step", variant, ...progress });
        bar.show(progress.tokens, trainer);
        if (value === undefined) continue;
        // In this order: a run that is killed in between goes on from the checkpoint before, and writes both anew.
        if (best) save(BEST, run);
        save(LAST, run);
        const { measure } = trainer.task;
        const text = `${variant} step ${progress.step}: loss ${progress.loss.toFixed(4)}, ${measure} ${value.toFixed(4)}`;
        bar.clear();
        say({ event: "evaluation", variant, step: progress.step, measure, value }, text);
      }
      // Whatever ends a run, there is a checkpoint to go on from; but none of parameters that the next step found useless.
      if (begun.size > 0 && trainers.every(({ steps, done }) => steps > 1 || done)) {
        for (const run of runs) save(LAST, run);
      }
      // Lets the signal in.
      await setImmediate();
    }
  } finally {
    bar.stop();
  }
  const done = runs.every(({ trainer }) => trainer.done);
  if (!done) {
    if (!json) print("Saving ...");
    for (const run of runs) save(LAST, run);
  }
  saveReport();
  const { steps, recipe } = runs[0]!.trainer;
  const stop = `Stopped after step ${steps} of ${recipe.steps}, saved. Go on with: ${again}`;
  if (!done) say({ event: "stopped", steps, again }, stop);
  else {
    const results = runs.map(({ trainer: { recipe, task, history, best } }) => ({
      ...{ variant: recipe.variant, measure: task.measure, value: history.evaluations.at(-1)?.value, best },
    }));
    const lines = results.map(({ variant, measure, value, best }) => {
      const better = best && best.value !== value ? `; best ${best.value.toFixed(4)}, at step ${best.step}` : "";
      return `${variant}: ${measure} ${value?.toFixed(4)}${better}`;
    });
    say({ event: "done", steps, out, results }, `${lines.join("\n")}\nCheckpoints and report.html are in ${out}`);
  }
  return done;
}

/** Whether a step says that its numbers are not finite. */
const isOfNumbers = (error: unknown): error is RangeError =>
  error instanceof RangeError && error.message.startsWith("step ");

/** What to do about such a step. `written`: whether --out holds something now, which a new run refuses. */
function ofNumbers(
  { trainer, folder }: Run,
  saved: number | undefined,
  written: boolean,
  error: RangeError,
): UserError {
  const file = join(folder, LAST);
  const late = saved ? ", whose parameters may have been useless already" : "";
  const kept = saved === undefined ? "" : `. The last checkpoint is ${file}, of step ${saved}${late}`;
  const other = written ? " and another --out" : "";
  return new UserError(`${trainer.recipe.variant}: ${error.message}${kept}. Try a smaller --lr${other}`);
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** SHA-256 of what a file holds, undefined where there is none. By the contents: numbers and times of files are not kept everywhere. */
export const digestOfFile = (path: string): string | undefined =>
  existsSync(path) ? sha256(readBytes(path)) : undefined;

/** The time left. cli-progress's own rounding gives 13m60s. */
export function formatTime(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const whole = seconds > 60 ? 5 * Math.round(seconds / 5) : seconds;
  const two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60)];
  if (hours > 0) return `${hours}h${two(minutes % 60)}m`;
  return minutes > 0 ? `${minutes}m${two(whole % 60)}s` : `${whole}s`;
}

/**
 * The error stream without saved places of the cursor: the bar would go back at its end to where it began, above the lines of evaluations,
 * and what is said then would be written over them.
 */
const stream = Object.create(process.stderr, {
  write: { value: (text: string) => text === "\x1b7" || text === "\x1b8" || process.stderr.write(text) },
}) as typeof process.stderr;

/** ms between lines where there is no terminal. */
const QUIET = 10_000;

/** A bar on the error stream in a terminal, a line now and then elsewhere; nothing with --json. */
export class Bar {
  readonly visible: boolean;
  readonly #json: boolean;
  readonly #bar: SingleBar;
  readonly #unit: string;
  readonly #total: number;
  readonly #first: number;
  readonly #start = performance.now();
  readonly #loss = new Map<string, number>();
  #tokens = 0;
  #done: number;
  #said = this.#start;

  constructor(runs: readonly Pick<Run, "trainer">[], json: boolean) {
    this.#json = json;
    this.visible = !json && process.stderr.isTTY === true && process.env.TERM !== "dumb";
    this.#unit = runs[0]!.trainer.task.unit;
    const format = `{bar} {value}/{total} | {losses} | {speed} ${this.#unit}/s | {eta_formatted} left`;
    this.#bar = new SingleBar({
      format,
      barsize: 24,
      hideCursor: true,
      formatTime,
      gracefulExit: false,
      etaBuffer: 100,
      stream,
    });
    this.#total = runs.reduce((sum, { trainer }) => sum + trainer.recipe.steps, 0);
    this.#first = this.#done = runs.reduce((sum, { trainer }) => sum + trainer.steps, 0);
    if (this.visible) this.#bar.start(this.#total, this.#done, { losses: "", speed: "" });
  }

  show(tokens: number, { recipe, history }: Trainer): void {
    this.#tokens += tokens;
    this.#loss.set(recipe.variant, history.losses.at(-1)!);
    this.#done++;
    const now = performance.now();
    if (this.#json || (!this.visible && now - this.#said < QUIET)) return;
    const losses = [...this.#loss].map(([variant, loss]) => `${variant} loss ${loss.toFixed(3)}`).join(", ");
    const speed = Math.round((1000 * this.#tokens) / (now - this.#start));
    if (this.visible) this.#bar.increment({ losses, speed });
    else {
      this.#said = now;
      const left = ((now - this.#start) / 1000 / (this.#done - this.#first)) * (this.#total - this.#done);
      const time = formatTime(Math.ceil(left));
      process.stderr.write(`${this.#done}/${this.#total} | ${losses} | ${speed} ${this.#unit}/s | ${time} left\n`);
    }
  }

  /** Makes room for a line of the output; the bar comes back below it with the next step. */
  clear(): void {
    if (this.visible && process.stdout.isTTY === true) process.stderr.write("\r\x1b[2K");
  }

  stop(): void {
    if (this.visible) this.#bar.stop();
  }
}
