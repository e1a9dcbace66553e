/** The price of LASER's exact recompute (docs/math.md): inputs that send every element through it, against ordinary ones. */
import type { LaserAttention } from "../src/index.js";
import { type Measurement, measure } from "./measure.js";
import { type AttentionShape, describeShape, recomputeLimits, recomputeShapes } from "./shapes.js";
import { type Direction, directions, type Inputs, ordinary, prepareAttention } from "./tasks.js";

export interface Ratio {
  name: string;
  ordinary: Measurement;
  worst: Measurement;
  /** Of the best times: what else runs on the machine only adds to a time. */
  ratio: number;
  limit: number;
  /** Recomputed elements of one call with ordinary input, with the worst one, and all there are. */
  elements: { ordinary: number; worst: number; all: number };
}

/** An element is recomputed when exp(v - c), c the largest value of the key tiles, is below 2^-80 for all that its row sees. */
function worst(shape: AttentionShape): Inputs {
  const { H, Hkv, N, M, D } = shape;
  const { q, k, v } = ordinary(shape);
  if (shape.causal) {
    // Values rise by 100 a key: a row sees nothing near the largest value of its tile, save the tile's last row.
    return { q, k, v: v.map((x, n) => x + 100 * (Math.floor(n / D) % M)) };
  }
  // Key 0 has the value 100 in every channel and a score near -200 for every query: p exp(v) = exp(-100) at best.
  const score = 200;
  for (let i = 0; i < H * N; i++) q[i * D] = Math.sqrt(D);
  for (let h = 0; h < Hkv; h++) {
    k[h * M * D] = -score;
    v.fill(100, h * M * D, (h * M + 1) * D);
  }
  return { q, k, v };
}

async function measureInputs(la: LaserAttention, shape: AttentionShape, inputs: Inputs, direction: Direction) {
  const call = prepareAttention(la, shape, inputs, "laser", direction);
  const time = await measure(describeShape(shape), call);
  return { time, elements: la.recomputed.elements };
}

/** Both kinds of input at every shape and direction that `wanted` admits. `open` makes an instance. */
export async function measureRecompute(
  open: () => LaserAttention,
  wanted: (name: string) => boolean,
): Promise<Ratio[]> {
  const ratios: Ratio[] = [];
  for (const shape of recomputeShapes) {
    for (const direction of directions) {
      const name = `recompute ${describeShape(shape)} ${direction}`;
      if (!wanted(name)) continue;
      const la = open();
      const normal = await measureInputs(la, shape, ordinary(shape), direction);
      const far = await measureInputs(la, shape, worst(shape), direction);
      la.dispose();
      ratios.push({
        ...{ name, ordinary: normal.time, worst: far.time },
        ratio: far.time.best / normal.time.best,
        limit: recomputeLimits[direction],
        elements: { ordinary: normal.elements, worst: far.elements, all: shape.H * shape.N * shape.D },
      });
    }
  }
  return ratios;
}
