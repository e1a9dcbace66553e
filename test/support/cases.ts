/** Seeded random option combinations: one number names a whole case, its data and how it lies in memory. */
import type { GradientName } from "../../src/index.js";
import { gradients } from "./bounds.js";
import type { Broadcast, Case, Numbers } from "./oracle.js";
import { Random } from "./random.js";
import type { Placement, Strides } from "./run.js";

/** Around the panels of 8 keys, the groups of 4 and 6 rows, the blocks of 48 rows and some multiples; and primes. */
const lengths = [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 24, 31, 47, 48, 49, 64, 95, 96, 97, 101, 191, 192, 193, 197];
const widths = [1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 31, 32, 33, 48, 64, 65];
const sides = [-1, 0, 1, 2, 5, 30, 47, 100, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -7];

/** Multiply-adds and exps (8 each) of a case: some milliseconds of the oracle. Every 20th case may be large. */
const budget = (seed: number): number => (seed % 20 === 0 ? 5e6 : 4e5);

/** Around one to four blocks of 48 rows, and one to three tiles of at most 288 keys. */
const rows = [1, 6, 47, 48, 49, 95, 97, 144, 145, 192, 193, 289];
const keys = [240, 287, 288, 289, 385, 577];

/** Sizes for central differences, which run the oracle twice per input element. */
const small = [1, 2, 3, 5];

/**
 * small: for central differences, values of deviation 1. long: several tiles and blocks. shared: views whose rows, heads or
 * batch entries share elements.
 */
export type Kind = "ordinary" | "small" | "long" | "shared";

type Choices = readonly number[];

function sizes(r: Random, most: number, widths: Choices, lengths: Choices, keys?: Choices) {
  for (;;) {
    const [B, Hkv, group] = [r.pick([1, 1, 1, 2, 3]), r.pick([1, 1, 2, 3]), r.pick([1, 1, 2, 3, 4])];
    const [D, E] = [r.pick(widths), r.pick(widths)];
    const N = r.chance(0.02) ? 0 : r.pick(lengths);
    const M = r.chance(0.02) ? 0 : keys === undefined && r.chance(0.4) ? N : r.pick(keys ?? lengths);
    if (B * Hkv * group * N * M * (D + 8 * E) <= most) return { B, H: Hkv * group, Hkv, N, M, D, E };
  }
}

/** [B, H, N, M] with some of the first three axes broadcast. */
function scoreShape(r: Random, c: Case): Broadcast["shape"] {
  return [r.chance(0.5) ? c.B : 1, r.chance(0.5) ? c.H : 1, r.chance(0.5) ? c.N : 1, c.M];
}

const count = (shape: Broadcast["shape"]): number => shape.reduce((a, b) => a * b, 1);

function mask(r: Random, c: Case): Broadcast {
  const shape = scoreShape(r, c);
  const kind = r.pick(["sparse", "half", "dense", "padding", "one", "rows"] as const);
  const density = { sparse: 0.1, half: 0.5, dense: 0.95, padding: 0, one: 0, rows: 0 }[kind];
  const rowLength = Math.max(1, c.M);
  let seen = 0;
  const data = Uint8Array.from({ length: count(shape) }, (_, n) => {
    const j = n % rowLength;
    if (j === 0) seen = r.int(rowLength + 1);
    const shown = { padding: j < seen, one: j === seen, rows: seen % 2 === 0 }[kind as "padding"] ?? r.chance(density);
    return shown ? r.pick([1, 1, 2, 128, 255]) : 0;
  });
  return { data, shape };
}

function bias(r: Random, c: Case): Broadcast {
  const shape = scoreShape(r, c);
  const hidden = r.chance(0.3) ? 0.2 : 0;
  const deviation = r.pick([1, 1, 5]);
  const data = Float32Array.from({ length: count(shape) }, () =>
    r.chance(hidden) ? Number.NEGATIVE_INFINITY : deviation * r.normal(),
  );
  return { data, shape };
}

/** [b, h, n] that repeat rows, slide over them, or lie apart; none reaches beyond what contiguous rows of `width` fill. */
const sharedStrides = (r: Random, H: number, N: number, width: number): Strides => [
  r.pick([0, 1, H * N * width]),
  r.pick([0, 1, N * width]),
  r.pick([0, 0, 1, width]),
];

/** What [B, H, N, width] with these strides reads of `base`. */
function gather(base: Numbers, [B, H, N, width]: readonly number[], [b, h, n]: Strides): Float32Array {
  let at = 0;
  const data = new Float32Array(base.length);
  for (let x = 0; x < B!; x++) {
    for (let y = 0; y < H!; y++) {
      for (let z = 0; z < N!; z++) {
        for (let w = 0; w < width!; w++) data[at++] = base[x * b + y * h + z * n + w]!;
      }
    }
  }
  return data;
}

/** Makes the inputs of c what views with such strides read, and returns the strides. */
function share(r: Random, c: Case): NonNullable<Placement["strides"]> {
  const place = (name: "q" | "k" | "v" | "dout", heads: number, rows: number, width: number): Strides => {
    const strides = sharedStrides(r, heads, rows, width);
    c[name] = gather(c[name], [c.B, heads, rows, width], strides);
    return strides;
  };
  return {
    q: place("q", c.H, c.N, c.D),
    k: place("k", c.Hkv, c.M, c.D),
    v: place("v", c.Hkv, c.M, c.E),
    dout: place("dout", c.H, c.N, c.E),
  };
}

/** @param r Where the numbers come from, for those who need the same in every engine (test/portable). */
export function randomCase(
  seed: number,
  kind: Kind = "ordinary",
  r = new Random(seed),
): { c: Case; placement: Placement } {
  const calm = kind === "small";
  const ordinary = () => sizes(r, budget(seed), widths, lengths);
  const size = {
    ordinary,
    small: () => sizes(r, 1e5, small, small),
    long: () => sizes(r, 5e6, widths, rows, keys),
    shared: ordinary,
  }[kind]();
  const { B, H, Hkv, N, M, D, E } = size;
  // Values far from 0, or so spread that exp leaves the float32 range, are LASER's hazards; sharp scores are both's.
  const [spread, centre] = [r.pick([0.01, 1, 1, 1, 3, 20, 50, 100]), r.pick([0, 0, 0, 0, 50, -80])];
  const normals = (count: number, deviation: number, mean = 0) =>
    calm ? r.normals(count) : r.normals(count, deviation, mean);
  const c: Case = {
    variant: r.pick(["standard", "laser", "laser"]),
    ...size,
    q: normals(B * H * N * D, r.pick([0.1, 1, 1, 1, 4])),
    k: normals(B * Hkv * M * D, r.pick([1, 1, 1, 3])),
    v: normals(B * Hkv * M * E, spread, centre),
    dout: normals(B * H * N * E, r.pick([1, 1, 1, 1e-3, 100])),
    causal: r.chance(0.4),
    window: r.chance(0.3) ? [r.pick(sides), r.pick(sides)] : undefined,
    align: r.pick([undefined, undefined, "bottom-right", "top-left", "top-left"]),
    scale: r.pick([undefined, undefined, undefined, undefined, 0.37, 1, -0.5, 0]),
    softcap: r.chance(0.25) ? r.pick([0.5, 2, 10, 30, 1000]) : undefined,
    alibi: r.chance(0.25)
      ? r.pick([true, true, Float32Array.from({ length: H }, () => 1.1 * r.uniform() - 0.1)])
      : undefined,
  };
  if (r.chance(0.3)) c.mask = mask(r, c);
  if (r.chance(0.3)) c.bias = bias(r, c);
  const placement: Placement = {
    layout: r.pick([undefined, "BHND", "BNHD", "BNHD"]),
    storage: r.pick(["plain", "plain", "padded", "other", N === M ? "packed" : "padded"]),
    into: r.chance(0.4),
    skip: r.chance(0.25) ? (gradients.filter(() => r.chance(0.5)) as GradientName[]) : [],
  };
  if (kind === "shared") placement.strides = share(r, c);
  return { c, placement };
}

/** Everything that makes the case, but its data: enough to see what failed; the seed replays it. */
export function describeCase(seed: number, kind: Kind): string {
  const { c, placement } = randomCase(seed, kind);
  const { q, k, v, dout, mask, bias, ...options } = c;
  const shapes = { mask: mask?.shape, bias: bias?.shape };
  const show = (_: string, x: unknown) => (typeof x === "number" && !Number.isFinite(x) ? String(x) : x);
  return `${kind} seed ${seed} ${JSON.stringify({ ...options, ...shapes, ...placement }, show)}`;
}
