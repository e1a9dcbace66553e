/** AdamW on typed arrays: faster for both peers than as their own operations, which need several passes and calls a parameter. */
import type { Dense, Matrix } from "./dense.js";
import { adamw } from "./trainer.js";

export class HostAdamW {
  readonly #state: ReadonlyMap<string, { p: Float32Array; m: Float32Array; v: Float32Array; shape: readonly number[] }>;
  #steps = 0;

  constructor(parameters: Dense["parameters"]) {
    this.#state = new Map(
      [...parameters].map(([name, { data, shape }]) => {
        const { length } = data;
        return [name, { p: data.slice(), m: new Float32Array(length), v: new Float32Array(length), shape }] as const;
      }),
    );
  }

  /** Changes all parameters by their gradients, and gives them to `take`. */
  step(gradientOf: (name: string) => Float32Array, take: (name: string, parameter: Matrix) => void): void {
    this.#steps++;
    const { lr, betas, eps, weightDecay } = adamw;
    const [b1, b2] = betas;
    const [c1, c2] = [1 - b1 ** this.#steps, 1 - b2 ** this.#steps];
    for (const [name, { p, m, v, shape }] of this.#state) {
      const g = gradientOf(name);
      for (let i = 0; i < p.length; i++) {
        const gi = g[i]!;
        const mi = b1 * m[i]! + (1 - b1) * gi;
        const vi = b2 * v[i]! + (1 - b2) * gi * gi;
        m[i] = mi;
        v[i] = vi;
        p[i] = p[i]! * (1 - lr * weightDecay) - (lr * (mi / c1)) / (Math.sqrt(vi / c2) + eps);
      }
      take(name, { data: p, shape });
    }
  }
}
