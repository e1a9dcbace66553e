import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LaserAttention } from "../src/index.js";
import { elementBound, gradientBound } from "./support/bounds.js";
import { engines } from "./support/engines.js";
import { type Broadcast, type Case, extentOf, oracleRow } from "./support/oracle.js";
import { Random } from "./support/random.js";
import { run } from "./support/run.js";

type Variant = Case["variant"];
const variants: readonly Variant[] = ["standard", "laser"];
const r = new Random(7);

/** Two query heads for the key head; two key tiles (192 + 108) and two query blocks (48 + 1). */
const sizes = { B: 1, H: 2, Hkv: 1, N: 49, M: 300, D: 16, E: 9 };
const { B, H, Hkv, N, M, D, E } = sizes;
const q = r.normals(B * H * N * D);
const k = r.normals(B * Hkv * M * D);
const dout = r.normals(B * H * N * E);
/** Multiples of 2^-8 below 8 in size: v + 64 is exact in float32. */
const v = r.normals(B * Hkv * M * E).map((x) => Math.max(-8, Math.min(8, Math.round(256 * x) / 256)));
const mask: Broadcast = { data: Uint8Array.from({ length: N * M }, () => Number(r.chance(0.4))), shape: [1, 1, N, M] };
const bias: Broadcast = { data: r.normals(B * H * N * M), shape: [B, H, N, M] };

const make = (variant: Variant, more: Partial<Case> = {}): Case => ({ variant, ...sizes, q, k, v, dout, ...more });

/** The options that a property is tried under. */
const settings: [string, Partial<Case>][] = [
  ["all keys", {}],
  ["causal", { causal: true }],
  ["a window, ALiBi and a softcap", { window: [30, 10], alibi: true, softcap: 5 }],
  ["a mask and a bias", { mask, bias }],
];

/** The extent of a case, and what an element of out may be off by. */
function tolerance(c: Case): (ref: number) => number {
  return elementBound(c, "out", extentOf(c));
}

/** Visits every element n of out, which lies in row (b, h, i), column d. */
function eachOut(visit: (n: number, b: number, h: number, i: number, d: number) => void): void {
  for (let n = 0; n < B * H * N * E; n++) {
    const row = Math.floor(n / E);
    visit(n, Math.floor(row / N / H), Math.floor(row / N) % H, row % N, n % E);
  }
}

function within(label: string, got: number, expected: number, by: number): void {
  if (!(Math.abs(got - expected) <= by)) assert.unreachable(`${label}: expected ${expected} within ${by}, got ${got}`);
}

const onAll = (body: (la: LaserAttention) => void) => () => engines.forEach(body);
const keyHead = (b: number, h: number): number => b * Hkv + Math.floor(h / (H / Hkv));

for (const [name, options] of settings) {
  const laser = make("laser", options);
  const standard = make("standard", options);
  const toLaser = tolerance(laser);
  const toStandard = tolerance(standard);

  test(
    `LASER is at least standard attention (Jensen) and at most the largest visible value, with ${name}`,
    onAll((la) => {
      const [high, low] = [run(la, laser), run(la, standard)];
      let row = oracleRow(laser, 0, 0, 0);
      let most = row.out;
      eachOut((n, b, h, i, d) => {
        if (d === 0) {
          row = oracleRow(laser, b, h, i);
          const value = (j: number, e: number) => v[(keyHead(b, h) * M + j) * E + e]!;
          most = Float64Array.from({ length: E }, (_, e) =>
            row.keys.reduce((x, j) => Math.max(x, value(j, e)), -Infinity),
          );
        }
        if (row.keys.length === 0) return;
        const at = `${la.simd} out[${n}]`;
        const [o, by] = [high.out[n]!, toLaser(high.out[n]!)];
        assert.ok(o >= low.out[n]! - by - toStandard(low.out[n]!), `${at}: Jensen: ${low.out[n]} > ${o}`);
        assert.ok(o <= most[d]! + by, `${at}: above every visible value: ${most[d]} < ${o}`);
        // And at least its largest term, max_j (v_jd + ln p_ij).
        const term = row.keys.reduce(
          (x, j, s) => Math.max(x, v[(keyHead(b, h) * M + j) * E + d]! + Math.log(row.p[s]!)),
          -Infinity,
        );
        assert.ok(o >= term - by, `${at}: below its largest term: ${term} > ${o}`);
      });
    }),
  );

  for (const [c, to] of [
    [standard, toStandard],
    [laser, toLaser],
  ] as const) {
    test(
      `${c.variant}: values moved by 64 move out by 64, with ${name}`,
      onAll((la) => {
        const before = run(la, c).out;
        const moved: Case = { ...c, v: v.map((x) => x + 64) };
        const bound = tolerance(moved);
        const after = run(la, moved);
        eachOut((n) => {
          const row = Math.floor(n / E);
          if (after.lse[row] === -Infinity) return;
          within(`out[${n}]`, after.out[n]!, before[n]! + 64, to(before[n]!) + bound(after.out[n]!));
        });
      }),
    );

    test(
      `${c.variant}: sum_j dS_ij = 0 and sum_j dV_jd = sum_i do_id over the rows that see a key, with ${name}`,
      onAll((la) => {
        // Adding a bias of zeros makes dS visible as dbias.
        const full: Case = { ...c, bias: c.bias ?? { data: new Float32Array(B * H * N * M), shape: bias.shape } };
        const extent = extentOf(full);
        const got = run(la, full);
        // By Cauchy and Schwarz a sum of M errors is at most sqrt(M) times their norm.
        const bounds = [got.dbias!, got.dv!].map(
          (x, n) => Math.sqrt(M) * gradientBound(full, n ? "dv" : "dbias", extent, false)(norm(x), x.length),
        );
        for (let row = 0; row < B * H * N; row++) {
          within(
            `row ${row} of dS`,
            sum(M, (j) => got.dbias![row * M + j]!),
            0,
            bounds[0]!,
          );
        }
        for (let column = 0; column < B * Hkv * E; column++) {
          const [head, d] = [Math.floor(column / E), column % E];
          const rows = (N * H) / Hkv; // the query heads of a key head follow each other
          const expected = sum(rows, (i) =>
            got.lse[head * rows + i] === -Infinity ? 0 : dout[(head * rows + i) * E + d]!,
          );
          within(
            `column ${column} of dV`,
            sum(M, (j) => got.dv![(head * M + j) * E + d]!),
            expected,
            bounds[1]!,
          );
        }
      }),
    );
  }
}

function sum(count: number, term: (n: number) => number): number {
  let total = 0;
  for (let n = 0; n < count; n++) total += term(n);
  return total;
}
const norm = (x: ArrayLike<number>): number => Math.sqrt(sum(x.length, (n) => x[n]! ** 2));

for (const variant of variants) {
  test(
    `${variant}: constant values come out as they are; so does the value of the only visible key`,
    onAll((la) => {
      const column = r.normals(E, 30);
      const constant = make(variant, { v: Float32Array.from(v, (_, n) => column[n % E]!) });
      const to = tolerance(constant);
      const { out } = run(la, constant);
      eachOut((n, _b, _h, _i, d) => within(`constant out[${n}]`, out[n]!, column[d]!, to(column[d]!)));

      const only = Array.from({ length: N }, () => r.int(M));
      const data = Uint8Array.from({ length: N * M }, (_, n) => Number(n % M === only[Math.floor(n / M)]));
      const single = make(variant, { mask: { data, shape: [1, 1, N, M] } });
      const toSingle = tolerance(single);
      const alone = run(la, single).out;
      eachOut((n, b, h, i, d) => {
        const expected = v[(keyHead(b, h) * M + only[i]!) * E + d]!;
        within(`only key out[${n}]`, alone[n]!, expected, toSingle(expected));
      });
    }),
  );

  test(
    `${variant}: the order of keys does not matter`,
    onAll((la) => {
      const order = r.permutation(M);
      const permute = (x: ArrayLike<number>, width: number): Float32Array =>
        Float32Array.from(x, (_, n) => {
          const [row, d] = [Math.floor(n / width), n % width];
          return x[(row - (row % M) + order[row % M]!) * width + d]!;
        });
      const c = make(variant, { mask, bias });
      const shuffle = (t: Broadcast): Broadcast => ({ data: permute(t.data, 1), shape: t.shape });
      const other: Case = { ...c, k: permute(k, D), v: permute(v, E), mask: shuffle(mask), bias: shuffle(bias) };
      const [before, after] = [run(la, c), run(la, other)];
      const to = tolerance(c);
      eachOut((n) => within(`out[${n}]`, after.out[n]!, before.out[n]!, 2 * to(before.out[n]!)));
      const extent = extentOf(c);
      for (const [gradient, width] of [
        ["dk", D],
        ["dv", E],
      ] as const) {
        const expected = permute(before[gradient]!, width);
        const error = norm(expected.map((x, n) => after[gradient]![n]! - x));
        within(
          `||${gradient}||`,
          error,
          0,
          2 * gradientBound(c, gradient, extent, false)(norm(expected), expected.length),
        );
      }
    }),
  );
}

test(
  "LASER of small values tends to standard attention: (LASER(e v) - LASER(-e v)) / 2e -> standard",
  onAll((la) => {
    // v in [-1, 1]: the difference quotient is off by e^2 / 6 times a third cumulant, which a range of 2 bounds by
    // 2^3 / (6 sqrt 3) = 0.77; and by the error of the two LASER results over e.
    const e = 2 ** -6;
    const values = Float32Array.from(v, () => 2 * r.uniform() - 1);
    const [up, down] = [e, -e].map((x) => run(la, make("laser", { v: values.map((y) => x * y) })).out) as [
      Float32Array,
      Float32Array,
    ];
    const standard = make("standard", { v: values });
    const to = tolerance(standard);
    const { out } = run(la, standard);
    const rounding = tolerance(make("laser", { v: values }))(e) / e;
    eachOut((n) => {
      within(`out[${n}]`, (up[n]! - down[n]!) / (2 * e), out[n]!, (e ** 2 / 6) * 0.77 + rounding + to(out[n]!));
    });
  }),
);

test.run();
