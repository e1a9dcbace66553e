/** Connectionist temporal classification (Graves et al. 2006), log-softmax included. */
import { alive, options as checkOptions, flag } from "../check.js";
import { integer, list } from "../check-number.js";
import { checkIds, checkValue } from "./check-nn.js";
import type { Loss } from "./loss.js";
import type { Nn } from "./nn.js";
import { splitWithScratch } from "./split.js";
import type { Value } from "./value.js";

/** Passes (split.ts) that a label of a frame takes: 270 ns, with 11 classes, for exp and log in float64. */
const PASSES = 600;

/**
 * Options of {@link ctcLoss}.
 *
 * @example const options: CtcOptions = { blank: 0, zeroInfinity: true };
 */
export interface CtcOptions {
  /** The label that means "nothing". Default 0. */
  blank?: number | undefined;
  /** Targets that no path of `frames` frames can spell count 0, with no gradient, instead of infinity. Default false. */
  zeroInfinity?: boolean | undefined;
}

/**
 * CTC loss: the negative log-likelihood of each target, divided by its length (at least 1), averaged over the batch, as
 * `torch.nn.functional.ctc_loss` with reduction "mean".
 * @param logits [B, T, V]
 * @param targets Labels of each batch entry, none of them `blank`
 * @param frames How many of the T frames of each batch entry count
 * @param options Which label is the blank, and what to do with targets that frames can't spell
 * @throws RangeError when a label or a number of frames does not fit
 *
 * @example ctcLoss(nn, x, [[1, 2], [3]], [5, 4]).item; // x is [2, 5, 8]: five frames of eight labels
 */
export function ctcLoss(
  nn: Nn,
  logits: Value,
  targets: ArrayLike<ArrayLike<number>>,
  frames: ArrayLike<number>,
  options: CtcOptions = {},
): Loss {
  checkOptions("ctcLoss", options, ["blank", "zeroInfinity"]);
  const { blank = 0, zeroInfinity = false } = options;
  checkValue("ctcLoss", "logits", nn, logits, 3);
  const { tape, engine } = nn;
  const [B, T, V] = logits.shape as [number, number, number];
  integer("ctcLoss", "blank", blank, 0, V - 1);
  flag("ctcLoss", "zeroInfinity", zeroInfinity);
  const [labelsOf, counts] = check(targets, frames, [B, T, V], blank);
  alive("ctcLoss", "logits", logits.tensor); // still, when all getters have run
  const S = labelsOf.reduce((most, { length }) => Math.max(most, length), 1);
  const labels = tape.integers(labelsOf.flatMap((one) => [...one, ...new Array(S - one.length).fill(blank)]));
  const lengths = tape.integers(labelsOf.map(({ length }) => length));
  const used = tape.integers(counts);
  const factors = tape.empty([B]);
  const losses = tape.empty([2 * B]); // float64
  const { kernels, space } = engine;
  const share = (b: number): number => 1 / (B * Math.max(1, labelsOf[b]!.length));
  for (let b = 0; b < B; b++) factors.data[b] = share(b);
  const dlogits = tape.tracks([logits]) ? tape.empty(logits.shape) : undefined;
  const scratchBytes = 4 * (kernels.ctcScratch(T, S) >>> 0);
  splitWithScratch(engine, "ctc", B, 1, PASSES * B * T * S, scratchBytes, (first, size, scratch) => {
    const at = 4 * first * T * V;
    const to = [losses.ptr + 8 * first, dlogits === undefined ? 0 : dlogits.ptr + at] as const;
    const wanted = [labels.ptr + 4 * first * S, lengths.ptr + 4 * first] as const;
    const inputs = [logits.tensor.ptr + at, ...wanted, used.ptr + 4 * first] as const;
    return [...to, ...inputs, scratch, size, T, V, S, blank, factors.ptr + 4 * first];
  });
  let mean = 0;
  const each = new Float64Array(space.arena.buffer, losses.ptr, B).slice();
  for (let b = 0; b < B; b++) {
    if (zeroInfinity && each[b] === Number.POSITIVE_INFINITY) dlogits?.data.fill(0, b * T * V, (b + 1) * T * V);
    else mean += each[b]! * share(b);
  }
  for (const tensor of [labels, lengths, used, factors, losses]) tensor.dispose();
  return tape.loss(mean, logits, dlogits);
}

/** The labels of each batch entry, and its number of frames. */
function check(
  targets: ArrayLike<ArrayLike<number>>,
  frames: ArrayLike<number>,
  [B, T, V]: readonly [number, number, number],
  blank: number,
): [labels: readonly (readonly number[])[], frames: readonly number[]] {
  const where = "ctcLoss";
  list(where, "targets", targets);
  list(where, "frames", frames);
  if (targets.length !== B || frames.length !== B) {
    throw new RangeError(`${where}: there must be ${B} targets and frames, got ${targets.length} and ${frames.length}`);
  }
  // By number: an iterator may give another number of targets.
  const labels = Array.from({ length: B }, (_, b) => {
    const name = `targets[${b}]`;
    const labels = checkIds(where, targets[b]!, undefined, V, 0, name);
    const at = labels.indexOf(blank);
    if (at >= 0) throw new RangeError(`${where}: ${name} must hold no blank, ${blank}, got one at ${at}`);
    return labels;
  });
  return [labels, checkIds(where, frames, B, T + 1, 0, "frames")];
}
