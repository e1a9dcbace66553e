/** The loop, a step at a time: batch, loss, gradients, clipping, AdamW, and an evaluation every so many steps. */

import { Random } from "../data/random.js";
import { AdamW } from "../nn/adamw.js";
import { type Checkpoint, saveCheckpoint } from "../nn/checkpoint.js";
import { checkFinite, largest } from "../nn/finite.js";
import type { Nn } from "../nn/nn.js";
import { type Schedule, warmupCosine } from "../nn/schedule.js";
import { BETAS } from "./recipe.js";
import { type FamilyName, type Recipe, STEPS, type Task } from "./task.js";

/** All that a run has shown so far. */
export interface History {
  /** The training loss of every step. */
  losses: number[];
  /** The norm of all gradients of every step, before clipping. */
  norms: number[];
  evaluations: { step: number; value: number }[];
}

/** What one step gives. */
export interface Progress {
  /** Steps done. */
  step: number;
  loss: number;
  norm: number;
  tokens: number;
  /** Of an evaluation behind this step. */
  value?: number;
  /** Whether that is the best so far. */
  best?: boolean;
}

/** What the batch of a step is drawn with, by its number from 0 on. Steps of one seed never meet those of another. */
export const randomOf = ({ seed }: Recipe, step: number): Random => new Random(seed * STEPS + step);

/**
 * One run. The batch of a step depends on the seed and the number of the step alone, not on what ran before: so both variants
 * see the same batches, and a run that goes on from a checkpoint has the same losses as one that never stopped.
 *
 * @example
 * const trainer = new Trainer(nn, "lm", lmTask(nn, recipe, text), recipe);
 * while (!trainer.done) trainer.step();
 */
export class Trainer {
  readonly history: History = { losses: [], norms: [], evaluations: [] };
  readonly #optimizer: AdamW;
  readonly #rate: Schedule;

  constructor(
    readonly nn: Nn,
    readonly family: FamilyName,
    readonly task: Task,
    readonly recipe: Recipe,
  ) {
    const { lr, warmup, steps, weightDecay } = recipe;
    this.#rate = warmupCosine({ peak: lr, warmup, steps });
    this.#optimizer = new AdamW(nn, task.model, { lr, betas: BETAS, weightDecay, decays: () => true });
  }

  /** Steps done. */
  get steps(): number {
    return this.history.losses.length;
  }

  get done(): boolean {
    return this.steps >= this.recipe.steps;
  }

  /** The best evaluation so far; of equal ones the last, since a rate may begin with a 1 again and again. */
  get best(): History["evaluations"][number] | undefined {
    return this.history.evaluations.reduce<History["evaluations"][number] | undefined>(
      (best, one) => (best !== undefined && best.value < one.value ? best : one),
      undefined,
    );
  }

  /**
   * One step more.
   * @throws RangeError when loss or gradients are not finite: where gradients are not, the parameters are those before the step
   */
  step(): Progress {
    const { nn, task, recipe, history } = this;
    const number = this.steps;
    const random = randomOf(recipe, number);
    const batch = task.batch(random);
    const given = { dropout: recipe.dropout, seed: random.bits() };
    const loss = nn.step(() => batch.loss(given));
    const norm = this.#optimizer.step({ lr: this.#rate(number), clip: recipe.clip });
    checkFinite(task.model, { step: number + 1, loss, norm });
    history.losses.push(loss);
    history.norms.push(norm);
    const progress = { step: number + 1, loss, norm, tokens: batch.tokens };
    if (this.steps % recipe.every !== 0 && !this.done) return progress;
    const before = this.best?.value ?? Number.POSITIVE_INFINITY;
    const value = task.evaluate();
    // A step that was finite itself may have left parameters that are too large for the next forward pass.
    if (!Number.isFinite(value))
      throw new RangeError(`step ${this.steps}: the ${task.measure} is ${value}; ${largest(task.model)}`);
    history.evaluations.push({ step: this.steps, value });
    return { ...progress, value, best: value <= before };
  }

  /** The run as a file, to go on with or to use. */
  save(notes: { readonly [name: string]: unknown } = {}): Uint8Array {
    const { family, recipe, history, task } = this;
    return saveCheckpoint(task.model, this.#optimizer, { ...notes, ...task.extra, run: { family, recipe, history } });
  }

  /** Goes on from a checkpoint of the same recipe. @throws RangeError when it holds none, or its history is not that of its steps */
  resume({ state, optimizer, extra }: Checkpoint): void {
    if (optimizer === undefined)
      throw new RangeError("resume: the checkpoint must hold a run to go on with, got a model alone");
    const { history } = (extra.run ?? {}) as { history?: Partial<History> | null };
    const { losses, norms, evaluations } = history ?? {};
    const points = Array.isArray(evaluations) ? evaluations.flatMap((one) => [one?.step, one?.value]) : undefined;
    const whole = [losses, norms, points].every((list) => Array.isArray(list) && list.every(Number.isFinite));
    if (!whole || losses!.length !== optimizer.steps || norms!.length !== optimizer.steps) {
      throw new RangeError(`resume: the history must have a loss and a norm for each of ${optimizer.steps} steps`);
    }
    let before = 0;
    for (const { step } of evaluations!) {
      if (!Number.isInteger(step) || step <= before || step > optimizer.steps) {
        const range = `integers from 1 to ${optimizer.steps}, each above the one before`;
        throw new RangeError(`resume: the steps of the history's evaluations must be ${range}, got ${step}`);
      }
      before = step;
    }
    this.task.model.loadStateDict(state);
    this.#optimizer.loadStateDict(optimizer);
    Object.assign(this.history, { losses, norms, evaluations });
  }
}
