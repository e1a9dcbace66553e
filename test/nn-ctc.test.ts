import { test } from "uvu";
import * as assert from "uvu/assert";
import { createSync, ctcLoss } from "../src/nn/index.js";
import { sameBits } from "./support/bits.js";
import { builds, close, differences, U } from "./support/nn.js";
import { ctc, ctcByAlignments } from "./support/nn-oracle.js";
import { Random } from "./support/random.js";
import { throws } from "./support/throws.js";

const random = new Random(25);
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

interface Batch {
  T: number;
  V: number;
  targets: number[][];
  frames: number[];
  logits: Float32Array;
  blank?: number;
  factors?: number[];
}

for (const nn of builds) {
  /** Loss and gradient of one call; targets are padded with `pad`. */
  const call = ({ T, V, targets, frames, logits, blank = 0, factors }: Batch, gradient = true, pad = 0) => {
    const B = targets.length;
    const S = Math.max(0, ...targets.map((target) => target.length));
    const padded = targets.flatMap((target) => [...target, ...new Array(S - target.length).fill(pad)]);
    const [loss, d, x] = [nn.reset().f64(B), nn.f32(B * T * V), nn.f32(logits)];
    const [t, lengths, f] = [nn.i32(padded), nn.i32(targets.map((target) => target.length)), nn.i32(frames)];
    const scratch = nn.f32(nn.kernels.ctcScratch(T, S));
    const scale = nn.f32(factors ?? targets.map(() => 1));
    const run = (to: number, b = 0, count = B): void =>
      nn.kernels.ctc(
        loss.ptr + 8 * b,
        to && to + 4 * b * T * V,
        x.ptr + 4 * b * T * V,
        t.ptr + 4 * b * S,
        lengths.ptr + 4 * b,
        f.ptr + 4 * b,
        scratch.ptr,
        count,
        T,
        V,
        S,
        blank,
        scale.ptr + 4 * b,
      );
    run(gradient ? d.ptr : 0);
    nn.intact("ctc");
    return { loss: loss.now.slice(), d: d.now.slice(), run, x, again: loss };
  };
  const element = (batch: Batch, b: number): Float32Array =>
    batch.logits.subarray(b * batch.T * batch.V, (b * batch.T + batch.frames[b]!) * batch.V);

  test(`${nn.target} the loss is -log of the sum over all alignments, the gradient its central differences`, () => {
    const V = 3;
    const targets = [[], [1], [2], [1, 2], [1, 1], [2, 2], [1, 2, 1], [1, 1, 1], [2, 2, 1]];
    for (const blank of [0, 2]) {
      for (const T of [1, 2, 3, 5]) {
        const relabelled = targets.map((target) => target.map((label) => (label - 1 + +(blank === 0)) % V));
        const used = relabelled.filter((target) => !target.includes(blank));
        const batch: Batch = {
          T,
          V,
          targets: used,
          frames: used.map((_, b) => (b % 3 === 2 ? T - 1 : T)),
          logits: random.normals(used.length * T * V, 1.5),
          blank,
        };
        const { loss, d } = call(batch);
        const want = used.map((target, b) =>
          batch.frames[b] === 0
            ? target.length === 0
              ? 0
              : inf
            : ctcByAlignments(element(batch, b), V, target, blank),
        );
        close(`T ${T}`, loss, want, () => 8 * U * T);
        for (const [b, target] of used.entries()) {
          const inside = element(batch, b);
          const got = d.subarray(b * T * V, (b + 1) * T * V);
          sameBits("beyond the frames", got.subarray(inside.length), new Float32Array(got.length - inside.length));
          if (want[b] === inf) sameBits("impossible", got.subarray(0, inside.length), inside.slice().fill(nan));
          else {
            const f = (x: Float64Array): number => ctcByAlignments(x, V, target, blank);
            close(`T ${T} target ${target}`, got.subarray(0, inside.length), differences(f, inside), () => 1e-6);
          }
        }
      }
    }
  });

  test(`${nn.target} longer sequences agree with the recursion in float64, in single calls and in place bit for bit`, () => {
    const [T, V] = [40, 7];
    const batch: Batch = {
      T,
      V,
      targets: [[3, 3, 3, 1, 6, 6], [], [5], Array.from({ length: 17 }, () => 1 + random.int(6))],
      frames: [40, 31, 7, 40],
      logits: random.normals(4 * T * V, 4),
      factors: [0.25, -1, 3, 0.5],
    };
    const { loss, d, run, x, again } = call(batch, true, -7);
    batch.targets.forEach((target, b) => {
      const f = (logits: ArrayLike<number>): number => ctc(logits, V, target, 0);
      const want = f(element(batch, b));
      close(`loss ${b}`, [loss[b]!], [want], () => 4 * U * want);
      const scaled = (logits: Float64Array): number => batch.factors![b]! * f(logits);
      const got = d.subarray(b * T * V, (b * T + batch.frames[b]!) * V);
      if (nn.target === "release") close(`dlogits ${b}`, got, differences(scaled, element(batch, b)), () => 3e-6);
    });
    sameBits("loss alone", call(batch, false).loss, loss);
    again.now.fill(nan);
    for (const b of [2, 0, 3, 1]) run(x.ptr, b, 1);
    sameBits("loss", again.now, loss);
    sameBits("dlogits in place", x.now, d);
  });

  test(`${nn.target} the gradient of every frame sums to 0, for extreme logits too`, () => {
    const [T, V] = [30, 5];
    const batch: Batch = { T, V, targets: [[1, 2, 3, 4]], frames: [T], logits: random.normals(T * V, 300) };
    const { loss, d } = call(batch);
    const want = ctc(batch.logits, V, [1, 2, 3, 4], 0);
    close("loss", loss, [want], () => 4 * U * want);
    for (let t = 0; t < T; t++) {
      const sum = d.subarray(t * V, (t + 1) * V).reduce((a, b) => a + b, 0);
      assert.ok(Math.abs(sum) <= 1e-6, `frame ${t}: ${sum}`);
    }
  });

  test(`${nn.target} impossible targets: loss +inf and gradient NaN, and their neighbours as ever`, () => {
    const [T, V] = [3, 4];
    const logits = random.normals(4 * T * V);
    const targets = [[1, 1, 2], [1, 2, 3], [1, 1], []];
    const batch: Batch = { T, V, targets, frames: [3, 3, 3, 0], logits };
    const { loss, d } = call(batch);
    assert.is(loss[0], inf);
    assert.ok(Number.isFinite(loss[1]) && Number.isFinite(loss[2]));
    assert.is(loss[3], 0);
    assert.ok(d.subarray(0, 12).every(Number.isNaN));
    assert.ok(d.subarray(12).every(Number.isFinite));
    const alone = call({ ...batch, targets: [[1], [1, 2, 3], [1, 1], []] });
    sameBits("neighbours", alone.d.subarray(12), d.subarray(12));
    sameBits("no frames", d.subarray(36), new Float32Array(12));
  });

  test(`${nn.target} a label of probability 0 makes its targets impossible, NaN stays in its own sequence`, () => {
    const [T, V] = [4, 3];
    const logits = random.normals(3 * T * V);
    for (let t = 0; t < T; t++) logits[t * V + 2] = -inf;
    logits[T * V + 1] = nan;
    const { loss, d } = call({ T, V, targets: [[2], [1], [1, 2]], frames: [4, 4, 4], logits });
    assert.is(loss[0], inf);
    assert.ok(Number.isNaN(loss[1]) && d.subarray(T * V, 2 * T * V).some(Number.isNaN));
    close("third", [loss[2]!], [ctc(logits.subarray(2 * T * V), V, [1, 2], 0)], () => 8 * U * 4);
    assert.ok(d.subarray(2 * T * V).every(Number.isFinite));
    const possible = call({ T, V, targets: [[1]], frames: [4], logits: logits.subarray(0, T * V) });
    assert.ok(Number.isFinite(possible.loss[0]) && possible.d.every(Number.isFinite));
    assert.ok(possible.d.every((x, n) => n % V !== 2 || x === 0));
  });
}

test("zeroInfinity: a target that no path spells counts 0 and has no gradient, and the others count as without it", () => {
  const nn = createSync({ threads: 1 });
  const logits = new Random(7).normals(24);
  const of = (data: Float32Array, targets: number[][], zeroInfinity: boolean) => {
    const x = nn.parameter(data, [targets.length, 3, 4]);
    const frames = targets.map(() => 3);
    return { loss: nn.step(() => ctcLoss(nn, x, targets, frames, { zeroInfinity })), grad: x.grad.toArray() };
  };
  const targets = [[1, 1, 1], [3]]; // three labels that are the same take five frames
  assert.is(of(logits, targets, false).loss, Number.POSITIVE_INFINITY);
  const { loss, grad } = of(logits, targets, true);
  const alone = of(logits.slice(12), [[3]], false);
  assert.is(loss, alone.loss / 2);
  assert.equal([...grad], [...new Float32Array(12), ...alone.grad.map((x) => x / 2)]);
  nn.dispose();
});

test("scratch beyond 32 bits is said to be too much, not wrapped round", () => {
  for (const { kernels } of builds) {
    assert.is(kernels.ctcScratch(3, 2) >>> 0, 2 * (3 + 5 * 5));
    assert.is(kernels.ctcScratch(2 ** 15, 2 ** 15) >>> 0, 2 ** 32 - 1);
    assert.is(kernels.ctcScratch(2 ** 31 - 1, 2 ** 31 - 1) >>> 0, 2 ** 32 - 1);
    assert.is(kernels.depthwiseScratch(1, 2 ** 27 + 1) >>> 0, 2 ** 32 - 1);
    assert.is(kernels.depthwiseScratch(9, 3) >>> 0, 3 * 32);
  }
  const nn = createSync({ threads: 1 });
  const [T, S] = [2 ** 15, 2 ** 14];
  const x = nn.input(new Float32Array(2 * T), [1, T, 2]);
  throws(() => ctcLoss(nn, x, [new Int32Array(S).fill(1)], [T]), RangeError, "cannot allocate 859");
  nn.dispose();
});

test.run();
