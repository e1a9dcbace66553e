/** The fixed attention cases: every option alone and all together, sizes around every edge of the tiles, values that hurt. */
import type { Broadcast, Case } from "../../support/oracle.js";
import type { Placement } from "../../support/run.js";
import { ExactRandom } from "./exact-random.js";

type Sizes = readonly [B: number, H: number, Hkv: number, N: number, M: number, D: number, E: number];
type Options = Partial<Pick<Case, "causal" | "window" | "align" | "scale" | "softcap" | "alibi">>;
type Input = "q" | "k" | "v" | "dout";

interface Recipe {
  readonly sizes: Sizes;
  readonly options?: Options;
  readonly placement?: Placement;
  /** Shapes of mask and bias; `hidden` is the share of scores that the bias sets to -inf. */
  readonly mask?: Broadcast["shape"];
  readonly bias?: Broadcast["shape"];
  readonly hidden?: number;
  /** Factors of the inputs, which have deviation 1. */
  readonly times?: Partial<Record<Input, number>>;
  /** A value for some elements of an input. */
  readonly put?: { readonly input: Input; readonly value: number; readonly places: readonly number[] };
}

export interface AttentionCase {
  readonly name: string;
  readonly c: Case;
  readonly placement: Placement;
  /** Whether float64 has no other result than float32 should: no NaN or infinity, nothing beyond its range. */
  readonly tame: boolean;
}

const SMALL: Sizes = [2, 2, 2, 13, 17, 5, 7];
const [S, L]: Sizes[] = [
  [1, 2, 2, 19, 19, 8, 8],
  [1, 2, 1, 49, 300, 5, 3],
];

const recipes: Readonly<Record<string, Recipe>> = {
  "no option": { sizes: SMALL },
  causal: { sizes: SMALL, options: { causal: true } },
  "causal, rows that see nothing": { sizes: [1, 2, 2, 23, 9, 8, 4], options: { causal: true } },
  "causal, top-left": { sizes: SMALL, options: { causal: true, align: "top-left" } },
  window: { sizes: [1, 1, 1, 60, 60, 8, 8], options: { window: [3, 2] } },
  "window, one side": { sizes: SMALL, options: { window: [-1, 1] } },
  "window, causal, top-left": { sizes: SMALL, options: { window: [4, 0], causal: true, align: "top-left" } },
  mask: { sizes: SMALL, mask: [2, 2, 13, 17] },
  "mask of padding": { sizes: SMALL, mask: [2, 1, 1, 17] },
  bias: { sizes: SMALL, bias: [2, 2, 13, 17] },
  "bias, broadcast, some -inf": { sizes: SMALL, bias: [1, 2, 1, 17], hidden: 0.3 },
  scale: { sizes: SMALL, options: { scale: 0.37 } },
  "scale below 0": { sizes: SMALL, options: { scale: -0.5 } },
  "scale 0": { sizes: SMALL, options: { scale: 0 } },
  softcap: { sizes: SMALL, options: { softcap: 2 }, times: { q: 3 } },
  alibi: { sizes: [1, 6, 6, 13, 17, 5, 7], options: { alibi: true } },
  "alibi, own slopes": { sizes: SMALL, options: { alibi: Float32Array.of(0.75, -0.0625) } },
  "key heads of two query heads": { sizes: [2, 4, 2, 13, 17, 5, 7], options: { causal: true } },
  "one key head": { sizes: [1, 3, 1, 13, 17, 5, 7], bias: [1, 1, 13, 17] },
  BNHD: { sizes: SMALL, placement: { layout: "BNHD", into: true } },
  "BNHD, packed": {
    sizes: S!,
    placement: { layout: "BNHD", storage: "packed", into: true },
    options: { causal: true },
  },
  "rows apart": { sizes: SMALL, placement: { storage: "padded", into: true }, mask: [1, 1, 13, 17] },
  "stored as the other layout": { sizes: SMALL, placement: { storage: "other" }, bias: [2, 1, 13, 17] },
  "dk alone": { sizes: SMALL, placement: { skip: ["dq", "dv", "dbias"] } },
  "D 1, E 1": { sizes: [1, 1, 1, 9, 11, 1, 1] },
  "D 33, E 17": { sizes: [1, 1, 1, 31, 47, 33, 17], options: { causal: true } },
  "D 64, E 80": { sizes: [1, 2, 1, 50, 50, 64, 80] },
  "D 96": { sizes: [1, 1, 1, 48, 96, 96, 96], options: { causal: true } },
  "several tiles and blocks": { sizes: [1, 2, 2, 97, 577, 8, 8], options: { causal: true }, mask: [1, 1, 97, 577] },
  "one query": { sizes: [1, 4, 2, 1, 300, 16, 16] },
  "two queries": { sizes: [1, 2, 2, 2, 290, 17, 9], options: { causal: true } },
  "one key": { sizes: [1, 2, 2, 5, 1, 8, 8] },
  "no query": { sizes: [1, 1, 1, 0, 5, 4, 4] },
  "no key": { sizes: [1, 1, 1, 5, 0, 4, 4] },
  everything: {
    sizes: [2, 4, 2, 61, 61, 12, 20],
    options: { causal: true, window: [40, 3], align: "top-left", scale: 0.3, softcap: 5, alibi: true },
    placement: { layout: "BNHD", storage: "padded", into: true },
    mask: [1, 4, 61, 61],
    bias: [2, 1, 61, 61],
    hidden: 0.1,
  },
  "sharp scores": { sizes: L!, times: { q: 100 } },
  "values far apart": { sizes: [1, 2, 2, 97, 97, 5, 3], times: { v: 60 }, options: { causal: true } },
  "values as large as they may be": { sizes: L!, times: { v: 3e37 } },
  "queries of nearly nothing": { sizes: SMALL, times: { q: 1e-38, v: 1e-38, dout: 1e-38 } },
  ...hostile(),
};

/** Both sides of the border of two tiles of keys, 192 and 108, and of two blocks of queries. */
function hostile(): Record<string, Recipe> {
  const [, , , N, M, D, E] = L!;
  const places = {
    k: [0, 191, 192].map((j) => j * D + (j % D)),
    v: [95, 191, 192].map((j) => j * E + (j % E)),
    q: [0, 48].map((i) => (N + i) * D + (i % D)),
    dout: [47, 48].map((i) => (N + i) * E + (i % E)),
  };
  const found: Record<string, Recipe> = {};
  for (const input of Object.keys(places) as Input[]) {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e38]) {
      found[`${value} in ${input}`] = { sizes: L!, mask: [1, 2, N, M], put: { input, value, places: places[input] } };
    }
  }
  return found;
}

function build(name: string, recipe: Recipe, variant: Case["variant"], seed: number): AttentionCase {
  const [B, H, Hkv, N, M, D, E] = recipe.sizes;
  const r = new ExactRandom(seed);
  const { times = {}, put, hidden = 0, placement = {} } = recipe;
  const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
  const inputs = {
    q: r.normals(B * H * N * D, times.q),
    k: r.normals(B * Hkv * M * D, times.k),
    v: r.normals(B * Hkv * M * E, times.v),
    dout: r.normals(B * H * N * E, times.dout),
  };
  for (const n of put?.places ?? []) inputs[put!.input][n] = put!.value;
  const c: Case = { variant, B, H, Hkv, N, M, D, E, ...inputs, ...recipe.options };
  const { mask, bias } = recipe;
  if (mask) c.mask = { shape: mask, data: Uint8Array.from({ length: count(mask) }, () => Number(r.chance(0.6))) };
  if (bias) {
    const score = (): number => (r.chance(hidden) ? Number.NEGATIVE_INFINITY : r.normal());
    c.bias = { shape: bias, data: Float32Array.from({ length: count(bias) }, score) };
  }
  const tame = put === undefined && Object.values(times).every((x) => x <= 100 && x >= 1);
  return { name: `${variant}, ${name}`, c, placement, tame };
}

export const attentionCases: readonly AttentionCase[] = (["standard", "laser"] as const).flatMap((variant) =>
  Object.entries(recipes).map(([name, recipe], n) => build(name, recipe, variant, 1 + n)),
);

/** Work enough for two threads at least, one head and several, every way in which they share it. */
const shared: Readonly<Record<string, Recipe>> = {
  "shared: several heads": { sizes: [1, 3, 3, 150, 150, 32, 32], options: { causal: true } },
  "shared: one head": { sizes: [1, 1, 1, 290, 290, 32, 24], mask: [1, 1, 1, 290] },
  "shared: one head, one bias row": { sizes: [1, 2, 1, 197, 197, 32, 32], bias: [1, 1, 1, 197] },
  "shared: values far apart": { sizes: [1, 2, 2, 290, 290, 24, 16], times: { v: 60 }, options: { causal: true } },
  "shared: decoding": { sizes: [1, 32, 8, 1, 2048, 32, 32] },
  "shared: NaN in v": {
    sizes: [1, 2, 1, 200, 300, 16, 24],
    options: { causal: true },
    put: { input: "v", value: Number.NaN, places: [290 * 24] },
  },
};

export const sharedCases: readonly AttentionCase[] = (["standard", "laser"] as const).flatMap((variant) =>
  Object.entries(shared).map(([name, recipe], n) => build(name, recipe, variant, 101 + n)),
);
