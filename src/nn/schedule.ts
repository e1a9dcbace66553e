import { options } from "../check.js";
import { integer, real } from "../check-number.js";
import { cosPi } from "../data/math.js";

/**
 * The learning rate of an update, counted from 0: a pure function, so that training can go on from any step. The same bits
 * in every engine. Those of this package throw a RangeError for a step that is no integer of 0 or more.
 *
 * @example const schedule: Schedule = constantRate(1e-3);
 */
export type Schedule = (step: number) => number;

/**
 * What {@link warmupCosine} and {@link linearDecay} take.
 *
 * @example const options: DecayOptions = { peak: 1e-3, warmup: 100, steps: 4000 };
 */
export interface DecayOptions {
  /** The highest rate. */
  peak: number;
  /** Updates in all: the last one has the number `steps - 1`, and later ones its rate. */
  steps: number;
  /** Updates over which the rate rises in equal steps; the last of them has the peak. Default 0: the first update has the peak. */
  warmup?: number | undefined;
  /** The rate of the last update, as a fraction of the peak, unless that one has the peak. Default 0.1 for the cosine, 0 for the linear decay. */
  final?: number | undefined;
}

/**
 * The same rate at every step.
 * @throws RangeError for a rate below 0 or not finite
 *
 * @example constantRate(1e-3)(17); // 0.001
 */
export function constantRate(rate: number): Schedule {
  real("constantRate", "rate", rate, 0);
  return (step) => {
    integer("schedule", "step", step, 0);
    return rate;
  };
}

/**
 * A linear rise to the peak, then half a wave of a cosine down to a fraction of it.
 * @throws RangeError for a number out of range, TypeError for an unknown option
 *
 * @example
 * const rate = warmupCosine({ peak: 1e-3, warmup: 100, steps: 4000 });
 * rate(0); // 0.00001
 * rate(99); // 0.001
 * rate(3999); // 0.0001
 */
export function warmupCosine(options: DecayOptions): Schedule {
  return decay("warmupCosine", options, 0.1, (t) => 0.5 + 0.5 * cosPi(t));
}

/**
 * A linear rise to the peak, if wanted, then a linear fall to a fraction of it.
 * @throws RangeError for a number out of range, TypeError for an unknown option
 *
 * @example
 * const rate = linearDecay({ peak: 1e-3, steps: 11 });
 * rate(0); // 0.001
 * rate(5); // 0.0005
 * rate(10); // 0
 */
export function linearDecay(options: DecayOptions): Schedule {
  return decay("linearDecay", options, 0, (t) => 1 - t);
}

/** `shape` falls from 1 at 0 to 0 at 1. */
function decay(where: string, given: DecayOptions, least: number, shape: (t: number) => number): Schedule {
  options(where, given ?? null, ["peak", "steps", "warmup", "final"]);
  const { peak, steps, warmup = 0, final = least } = given;
  real(where, "peak", peak, 0);
  integer(where, "steps", steps, 1);
  integer(where, "warmup", warmup, 0, steps);
  real(where, "final", final, 0, 1);
  const first = Math.max(warmup - 1, 0); // the update with the peak
  return (step) => {
    integer("schedule", "step", step, 0);
    if (step < first) return peak * ((step + 1) / warmup);
    if (step === first || first === steps - 1) return peak;
    const t = Math.min((step - first) / (steps - 1 - first), 1);
    return t < 1 ? peak * (final + (1 - final) * shape(t)) : peak * final;
  };
}
