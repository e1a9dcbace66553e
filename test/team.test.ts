/** Results on several threads: the bits of one thread, or an error. The stem is that of assembly/team.ts. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LaserAttention } from "../src/index.js";
import { DONE } from "../src/protocol.js";
import { assertSameBits, firstDifference } from "./support/bits.js";
import type { Results } from "./support/bounds.js";
import { describeCase, type Kind, randomCase } from "./support/cases.js";
import { engines } from "./support/engines.js";
import { runProgram } from "./support/host.js";
import type { Case } from "./support/oracle.js";
import { Random } from "./support/random.js";
import { type Placement, run } from "./support/run.js";
import { makeTeam, pretender } from "./support/team.js";

/**
 * One head, backward: its members meet after each key tile. The worker has left the forward call to the calling thread and
 * never does anything again. Started now, since it takes ten seconds of sleep, in which the other tests run.
 */
const barrier = runProgram(`
  const threads = process.getBuiltinModule("node:worker_threads");
  const text = ${JSON.stringify(pretender(`job(); Atomics.add(words, ${DONE}, 1); Atomics.notify(words, ${DONE});`))};
  process.getBuiltinModule = () => ({
    ...threads,
    Worker: class extends threads.Worker {
      constructor(_, options) {
        super(text, options);
      }
    },
  });
  const { createSync } = await import("laser-attention/threads.js");
  const la = createSync({ threads: 2 });
  if (la.threads !== 2) throw new Error("no threads");
  const x = la.tensor(Float32Array.from({ length: 300 * 64 }, (_, n) => Math.sin(n)), [1, 1, 300, 64]);
  const saved = la.attentionForward(x, x, x, { variant: "laser" });
  const start = performance.now();
  try {
    la.attentionBackward(x, saved);
  } catch ({ message }) {
    const ms = performance.now() - start;
    const { dk } = la.attentionBackward(x, saved);
    console.log(JSON.stringify({ message, ms, threads: la.threads, finite: dk.data.every(Number.isFinite) }));
  }
`);

/**
 * Teams beside the instance of one thread whose bits they must give: another build of the same kernels. The relaxed ones, whose row groups
 * have another size, have one team: threads that wait for each other on two busy cores are most of what this file takes.
 */
const sizes = { plain: [2, 3, 4], relaxed: [3] };
const groups = engines.map((one) => ({
  one,
  teams: sizes[one.simd].map((threads) => makeTeam(threads, { simd: one.simd }).la),
}));

/** Runs a case on one thread and on every team; all results and what was recomputed must be the same. */
function check(label: string, c: Case, placement?: Placement): Results {
  let expected!: Results;
  for (const { one, teams } of groups) {
    expected = run(one, c, placement);
    const { recomputed } = one;
    for (const team of teams) {
      const where = `${team.threads} threads, ${team.simd}, ${label}`;
      assertSameBits(where, run(team, c, placement), expected);
      assert.equal(team.recomputed, recomputed, `${where}: recomputed`);
    }
  }
  return expected;
}

for (const [kind, first, last] of [
  ["ordinary", 1001, 1050],
  ["long", 1001, 1025],
] as [Kind, number, number][]) {
  test(`several threads give the bits of one: ${kind} random combinations ${first} to ${last}`, () => {
    for (let seed = first; seed <= last; seed++) {
      const { c, placement } = randomCase(seed, kind);
      check(describeCase(seed, kind), c, placement);
    }
  });
}

/** Normal inputs of deviation 1. */
function normal(seed: number, variant: Case["variant"], sizes: Pick<Case, "B" | "H" | "Hkv" | "N" | "M">): Case {
  const r = new Random(seed);
  const { B, H, Hkv, N, M } = sizes;
  const [D, E] = [5, 9];
  const data = { q: r.normals(B * H * N * D), k: r.normals(B * Hkv * M * D), v: r.normals(B * Hkv * M * E) };
  return { variant, ...sizes, D, E, ...data, dout: r.normals(B * H * N * E) };
}

test("a bias that heads, rows or batches share has one order of its sum, at any number of threads", () => {
  // Blocks of one head fewer than the threads and more; N = 1; groups of heads, and none.
  for (const N of [1, 49, 145]) {
    for (const [B, H, Hkv] of [
      [2, 1, 1],
      [1, 3, 3],
      [1, 6, 2],
    ] as const) {
      const c = normal(N + H, H === 3 ? "standard" : "laser", { B, H, Hkv, N, M: 50 });
      for (const b of new Set([B, 1])) {
        for (const h of new Set([H, 1])) {
          for (const n of new Set([N, 1])) {
            const bias = { data: new Random(h + n).normals(b * h * n * c.M), shape: [b, h, n, c.M] as const };
            check(`B ${B} H ${H}/${Hkv} N ${N}, bias [${bias.shape}]`, { ...c, bias });
          }
        }
      }
    }
  }
});

test("NaN and infinity reach the same elements at any number of threads", () => {
  for (let seed = 1; seed <= 8; seed++) {
    const { c } = randomCase(seed, seed % 2 ? "long" : "ordinary");
    const r = new Random(seed);
    for (const input of ["q", "k", "v", "dout"] as const) {
      const dirty = Float32Array.from(c[input]);
      for (let n = 0; n < 2; n++) dirty[r.int(dirty.length)] = r.pick([Number.NaN, Infinity, -Infinity, 3e38]);
      check(`${input} of seed ${seed}`, { ...c, [input]: dirty });
    }
  }
});

test("an infinite value beside weights that underflow is the same for every member, over several tiles", () => {
  for (const H of [1, 2]) {
    const c = normal(H, "laser", { B: 1, H, Hkv: H, N: 150, M: 400 });
    const v = Float32Array.from(c.v);
    v[0] = Infinity; // tile 0
    for (const d of [0, 1]) v[300 * c.E + d] = 100; // tile 1 makes the factors of tile 0 exp(-98), which float32 flushes to 0
    check(`H ${H}`, { ...c, v });
  }
});

test("LASER's exact recompute gives the same bits, and counts the same elements, at any number of threads", () => {
  for (const [H, Hkv] of [
    [1, 1],
    [3, 3],
    [4, 2],
  ] as const) {
    const c = normal(H, "laser", { B: 1, H, Hkv, N: 150, M: 300 });
    const v = Float32Array.from(c.v, (x, n) => (n % 7 === 0 ? 100 * x : x));
    const bias = { data: new Random(9).normals(300, 5), shape: [1, 1, 1, 300] as const };
    const k = Float32Array.from(c.k, (x, n) => (n % (300 * c.D) >= 299 * c.D ? Number.NaN : x)); // key 299: the last row alone sees it
    const optional: Partial<Case>[] = [{}, { bias }, { softcap: 3 }, { k }];
    for (const options of optional) {
      const { dq } = check(`H ${H}/${Hkv} ${Object.keys(options)}`, { ...c, v, causal: true, ...options });
      const finite = Array.from({ length: H * 150 }, (_, n) => Number.isFinite(dq![n * c.D])).filter(Boolean).length;
      assert.is(finite, H * (options.k ? 149 : 150), "rows of dq without NaN");
      for (const { one } of groups) assert.ok(one.recomputed.elements > 0, "nothing was recomputed backward");
      for (const { one, teams } of groups) {
        const [expected, ...got] = [one, ...teams].map((la) =>
          la.scope(() => {
            const x = la.tensor(v, [1, Hkv, 300, c.E]);
            la.attention(la.tensor(v.subarray(0, H * 150), [1, H, 150, 1]), x.narrow(3, 1, 1), x, {
              variant: "laser",
              causal: true,
            });
            return la.recomputed;
          }),
        );
        assert.ok(expected!.elements > 0, "nothing was recomputed forward");
        for (const [n, counted] of got.entries())
          assert.equal(counted, expected, `${teams[n]!.threads} threads, forward`);
      }
    }
  }
});

test("one head, and fewer heads or blocks than threads, are shared too", () => {
  // With 289, a unit of three batches is more than one block of their heads, on four threads too (UNITS in assembly/attention.ts).
  for (const N of [1, 48, 49, 97, 289]) {
    for (const [B, H, Hkv] of [
      [1, 1, 1],
      [1, 2, 1],
      [1, 5, 5],
      [2, 1, 1],
      [3, 2, 2],
    ] as const) {
      for (const [variant, M] of [
        ["standard", 288],
        ["laser", 289],
      ] as const) {
        check(`${variant} B ${B} H ${H} N ${N} M ${M}`, normal(N, variant, { B, H, Hkv, N, M }));
      }
    }
  }
});

/** The product and its two gradients, of batches [B, m, k] with one b or with one each. */
function products(la: LaserAttention, [B, m, n, k]: readonly number[], flip: boolean, own: boolean): Float32Array[] {
  const r = new Random(m! * n! + k!);
  return la.scope(() => {
    const tensor = (...shape: number[]) => la.tensor(r.normals(shape.reduce((x, y) => x * y)), shape);
    const a = flip ? tensor(B!, k!, m!) : tensor(B!, m!, k!);
    const b = tensor(own ? B! : 1, ...(flip ? [n!, k!] : [k!, n!]));
    const options = { transposeA: flip, transposeB: flip };
    const { da, db } = la.matmulBackward(tensor(B!, m!, n!), a, b, options);
    return [la.matmul(a, b, options), da, db].map((t) => t.toArray());
  });
}

test("products shared by rows or by columns, transposed and in batches: the bits of one thread", () => {
  // [batch, m, n, k] around the units of a share (12 rows, 8 columns), fewer units than threads, and the blocks of a product.
  for (const size of [
    [1, 1, 1, 1],
    [2, 11, 7, 3],
    [1, 12, 8, 256],
    [3, 13, 9, 257],
    [1, 49, 30, 40],
    [2, 5, 131, 17],
    [1, 97, 1031, 12],
    [1, 49, 129, 1030], // shares of columns are packed deeper than the whole would be
    [1, 49, 256, 1024],
    [1, 97, 512, 600],
  ]) {
    for (const flip of [false, true]) {
      for (const own of new Set([false, size[0]! > 1])) {
        for (const { one, teams } of groups) {
          const expected = products(one, size, flip, own);
          for (const team of teams) {
            for (const [i, got] of products(team, size, flip, own).entries()) {
              const where = `${team.threads} threads, ${size}, ${flip}, ${own}: ${i}`;
              assert.is(firstDifference(got, expected[i]!), -1, where);
            }
          }
        }
      }
    }
  }
});

test("a worker that dies while the others wait for it within a kernel is an error after ten seconds", async () => {
  const { stdout, stderr } = await barrier;
  assert.is.not(stdout, "", stderr);
  const { message, ms, threads, finite } = JSON.parse(stdout);
  assert.match(message, "no thread made any progress for 10000 ms, a worker has died; later calls run on one thread");
  assert.ok(ms > 9000 && ms < 60_000, `${ms} ms`);
  assert.ok(threads === 1 && finite);
});

test.run();
