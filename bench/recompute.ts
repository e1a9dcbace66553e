/** LASER's exact recompute (docs/math.md): inputs that send every element through it, against ordinary ones. */
import type { Build } from "./builds.js";
import { interleave, type Measurement } from "./measure.js";
import { type AttentionShape, describeShape, recomputeShapes } from "./shapes.js";
import { recomputeLimits } from "./targets.js";
import { type Inputs, ordinary, prepareAttention } from "./tasks.js";

export interface Ratio {
  name: string;
  build: string;
  ordinary: Measurement;
  worst: Measurement;
  /** Of the best times: what else runs on the machine only adds to a time. */
  ratio: number;
  limit: number;
  /** Recomputed elements of one call with ordinary input, with the worst one, and all there are. */
  elements: { ordinary: number; worst: number; all: number };
}

/** An element is recomputed when exp(v - c), c the largest value of the key tiles, is below 2^-80 for all that its row sees. */
export function worst(shape: AttentionShape): Inputs {
  const { H, Hkv, N, M, D, E } = shape;
  const { q, k, v, dout } = ordinary(shape);
  if (shape.causal) {
    // Values rise by 100 a key: a row sees nothing near the largest value of its tile, save the tile's last row.
    return { q, k, v: v.map((x, n) => x + 100 * (Math.floor(n / E) % M)), dout };
  }
  // Key 0 has the value 100 in every channel and a score near -200 for every query: p exp(v) = exp(-100) at best.
  const score = 200;
  for (let i = 0; i < H * N; i++) q[i * D] = Math.sqrt(D);
  for (let h = 0; h < Hkv; h++) {
    k[h * M * D] = -score;
    v.fill(100, h * M * E, (h * M + 1) * E);
  }
  return { q, k, v, dout };
}

/** Both kinds of input at every shape and direction that `wanted` admits. */
export async function measureRecompute(
  { name: build, open }: Build,
  wanted: (name: string) => boolean,
  time: number,
): Promise<Ratio[]> {
  const ratios: Ratio[] = [];
  for (const shape of recomputeShapes) {
    for (const direction of ["forward", "backward"] as const) {
      const name = `recompute ${describeShape(shape)} ${direction} ${build}`;
      if (!wanted(name)) continue;
      const la = open();
      const calls = [ordinary(shape), worst(shape)].map((inputs) =>
        prepareAttention(la, shape, inputs, "laser", direction),
      );
      const [normal, far] = await interleave(calls, time);
      const elements = calls.map(({ call }) => {
        call();
        return la.recomputed.elements;
      });
      la.dispose();
      ratios.push({
        ...{ name, build, ordinary: normal!.summary, worst: far!.summary },
        ratio: far!.summary.best / normal!.summary.best,
        limit: recomputeLimits[direction],
        elements: { ordinary: elements[0]!, worst: elements[1]!, all: shape.H * shape.N * shape.E },
      });
    }
  }
  return ratios;
}
