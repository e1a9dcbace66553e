/** Connectionist temporal classification (Graves et al. 2006), log-softmax included. */
import { flag } from "../check.js";
import { integer } from "../check-number.js";
import { list, value } from "./check-nn.js";
import { Loss } from "./loss.js";
import type { Nn } from "./nn.js";
import { splitWithScratch } from "./split.js";
import type { Value } from "./value.js";

/** 270 ns a frame and label, 11 classes: exp and log in float64. */
const WORK = 600;

/**
 * Options of {@link ctcLoss}.
 *
 * @example const options: CtcOptions = { blank: 0, zeroInfinity: true };
 */
export interface CtcOptions {
  /** The label that means "nothing". Default 0. */
  blank?: number;
  /** Targets that no path of `frames` frames can spell count 0, with no gradient, instead of infinity. Default false. */
  zeroInfinity?: boolean;
}

/**
 * CTC loss: the negative log-likelihood of each target, divided by its length (at least 1), averaged over the batch, as
 * `torch.nn.functional.ctc_loss` with reduction "mean".
 * @param logits [B, T, V]
 * @param targets Labels of each batch entry, none of them `blank`
 * @param frames How many of the T frames of each batch entry count
 * @throws RangeError when a label or a number of frames does not fit
 *
 * @example ctcLoss(nn, x, [[1, 2], [3]], [5, 4]).item; // x is [2, 5, 8]: five frames of eight labels
 */
export function ctcLoss(
  nn: Nn,
  logits: Value,
  targets: readonly (readonly number[])[],
  frames: ArrayLike<number>,
  { blank = 0, zeroInfinity = false }: CtcOptions = {},
): Loss {
  const { tape, engine } = nn;
  value("ctcLoss", "logits", nn, logits, 3);
  const [B, T, V] = logits.shape as [number, number, number];
  integer("ctcLoss", "blank", blank, 0, V - 1);
  flag("ctcLoss", "zeroInfinity", zeroInfinity);
  check(targets, frames, [B, T, V], blank);
  const S = Math.max(1, ...targets.map(({ length }) => length));
  const labels = tape.integers(targets.flatMap((target) => [...target, ...new Array(S - target.length).fill(blank)]));
  const lengths = tape.integers(targets.map(({ length }) => length));
  const used = tape.integers(frames);
  const factors = tape.empty([B]);
  const losses = tape.empty([2 * B]); // float64
  const { kernels, space } = engine;
  const share = (b: number): number => 1 / (B * Math.max(1, targets[b]!.length));
  for (let b = 0; b < B; b++) factors.data[b] = share(b);
  const dlogits = tape.tracks([logits]) ? tape.empty(logits.shape) : undefined;
  const scratchBytes = 4 * kernels.ctcScratch(T, S);
  splitWithScratch(engine, "ctc", B, 1, WORK * B * T * S, scratchBytes, (first, size, scratch) => {
    const at = 4 * first * T * V;
    const inputs = [logits.tensor.ptr + at, labels.ptr + 4 * first * S, lengths.ptr + 4 * first, used.ptr + 4 * first];
    const to = [losses.ptr + 8 * first, dlogits === undefined ? 0 : dlogits.ptr + at];
    return [...to, ...inputs, scratch, size, T, V, S, blank, factors.ptr + 4 * first];
  });
  let mean = 0;
  const each = new Float64Array(space.arena.buffer, losses.ptr, B).slice();
  for (let b = 0; b < B; b++) {
    if (zeroInfinity && each[b] === Number.POSITIVE_INFINITY) dlogits?.data.fill(0, b * T * V, (b + 1) * T * V);
    else mean += each[b]! * share(b);
  }
  for (const tensor of [labels, lengths, used, factors, losses]) tensor.dispose();
  return Loss.record(nn, mean, logits, dlogits, []);
}

function check(
  targets: readonly (readonly number[])[],
  frames: ArrayLike<number>,
  [B, T, V]: readonly [number, number, number],
  blank: number,
): void {
  list("ctcLoss", "targets", targets);
  list("ctcLoss", "frames", frames);
  if (targets.length !== B || frames.length !== B) {
    throw new RangeError(`ctcLoss: there must be ${B} targets and frames, got ${targets.length} and ${frames.length}`);
  }
  for (let b = 0; b < B; b++) {
    list("ctcLoss", `targets[${b}]`, targets[b]);
    const label = Array.from(targets[b]!).find((one) => !Number.isInteger(one) || one < 0 || one >= V || one === blank);
    if (label !== undefined) {
      throw new RangeError(`ctcLoss: labels must be integers from 0 to ${V - 1} other than ${blank}, got ${label}`);
    }
    const count = frames[b]!;
    if (!Number.isInteger(count) || count < 0 || count > T) {
      throw new RangeError(`ctcLoss: frames must be integers from 0 to ${T}, got ${count}`);
    }
  }
}
