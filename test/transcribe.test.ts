/** CTC decoding against all paths there are, and a Conformer that has learned two utterances. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { greedy, logLikelihood, logSoftmax, prefixBeam } from "../src/models/ctc-decode.js";
import { type Conformer, conformer, transcribe } from "../src/models/index.js";
import { AdamW, createSync, Random } from "../src/nn/index.js";
import { ctc } from "./support/nn-oracle.js";
import { throws } from "./support/throws.js";

/** Log-probability of every sequence of labels that some path gives, by adding up all V^T paths. */
function byPaths(scores: Float32Array, V: number): Map<string, number> {
  const T = scores.length / V;
  const rows = Array.from({ length: T }, (_, t) => {
    const row = [...scores.subarray(t * V, (t + 1) * V)].map(Math.exp);
    const sum = row.reduce((total, x) => total + x, 0);
    return row.map((x) => x / sum);
  });
  const found = new Map<string, number>();
  for (let code = 0; code < V ** T; code++) {
    const path = Array.from({ length: T }, (_, t) => Math.floor(code / V ** t) % V);
    const labels = path.filter((label, t) => label !== path[t - 1] && label !== 0).join();
    const probability = path.reduce((product, label, t) => product * rows[t]![label]!, 1);
    found.set(labels, (found.get(labels) ?? 0) + probability);
  }
  return found;
}

const random = new Random(12);
const sizes = [
  [1, 2],
  [2, 2],
  [3, 3],
  [5, 3],
  [4, 4],
  [7, 2],
] as const;

test("a beam that nothing falls out of finds every sequence, ordered by its probability over all paths", () => {
  for (const [T, V] of sizes) {
    for (let round = 0; round < 6; round++) {
      const scores = random.normals(T * V, 1 + round / 2);
      const frames = logSoftmax("test", scores, V);
      const all = byPaths(scores, V);
      const found = prefixBeam(frames, 1000);
      assert.equal(found.map((labels) => labels.join()).sort(), [...all.keys()].sort());
      const likelihoods = found.map((labels) => logLikelihood(frames, labels));
      for (const [n, labels] of found.entries()) {
        assert.ok(Math.abs(likelihoods[n]! - Math.log(all.get(labels.join())!)) <= 1e-12, labels.join());
        if (n > 0) assert.ok(likelihoods[n]! <= likelihoods[n - 1]! + 1e-12);
      }
    }
  }
});

test("the log-likelihood is that of the loss, for any labels and lengths, impossible ones included", () => {
  for (const T of [0, 1, 4, 30]) {
    const V = 5;
    const scores = random.normals(T * V, 2);
    for (const labels of [[], [1], [2, 2], [1, 2, 3, 4], [4, 4, 4, 1]]) {
      const got = logLikelihood(logSoftmax("test", scores, V), labels);
      const want = -ctc(scores, V, labels, 0);
      assert.ok(got === want || Math.abs(got - want) <= 1e-12 * (1 + Math.abs(want)), `${T} ${labels}: ${got} ${want}`);
    }
  }
});

test("greedy takes the likeliest label of each frame, repeats once, blanks never", () => {
  const of = (path: number[]) => {
    const scores = new Float32Array(path.length * 4);
    for (const [t, label] of path.entries()) scores[4 * t + label] = 3;
    return greedy(logSoftmax("test", scores, 4));
  };
  assert.equal(of([0, 1, 1, 0, 1, 2, 2, 3, 0, 0]), [1, 1, 2, 3]);
  assert.equal(of([2, 2, 2]), [2]);
  assert.equal(of([0, 0]), []);
  assert.equal(of([]), []);
  assert.equal(greedy(logSoftmax("test", Float32Array.of(0, 1, 1, 0), 4)), [1]); // of equally likely ones the lower
});

test("many paths of middling probability beat the best path, when there is a beam", () => {
  // Hannun et al.: blank 0.6, label 0.4 in both frames. Path: blank, blank 0.36; label by three paths 0.64.
  const scores = Float32Array.of(Math.log(0.6), Math.log(0.4), Math.log(0.6), Math.log(0.4));
  const frames = logSoftmax("test", scores, 2);
  assert.equal(greedy(frames), []);
  assert.equal(prefixBeam(frames, 2)[0], [1]);
  assert.ok(Math.abs(logLikelihood(frames, [1]) - Math.log(0.64)) < 1e-6);
});

/** Prefix beam search by its definition: sums by the text of the labels, in probabilities. */
function beamByText({ data, T, V }: ReturnType<typeof logSoftmax>, beam: number): string[] {
  type Sums = Map<string, { labels: number[]; blank: number; labelled: number }>;
  let now: Sums = new Map([["", { labels: [], blank: 1, labelled: 0 }]]);
  for (let t = 0; t < T; t++) {
    const next: Sums = new Map();
    const of = (labels: number[]) => {
      const key = labels.join();
      if (!next.has(key)) next.set(key, { labels, blank: 0, labelled: 0 });
      return next.get(key)!;
    };
    for (const { labels, blank, labelled } of now.values()) {
      for (let v = 0; v < V; v++) {
        const p = Math.exp(data[t * V + v]!);
        if (v === 0) of(labels).blank += (blank + labelled) * p;
        else if (v === labels.at(-1)) {
          of(labels).labelled += labelled * p;
          of([...labels, v]).labelled += blank * p;
        } else of([...labels, v]).labelled += (blank + labelled) * p;
      }
    }
    const total = (key: string): number => next.get(key)!.blank + next.get(key)!.labelled;
    const best = [...next.keys()].sort((x, y) => total(y) - total(x)).slice(0, beam);
    now = new Map(best.filter((key) => total(key) > 0).map((key) => [key, next.get(key)!]));
  }
  return [...now.keys()];
}

test("a beam that drops sequences, some of which come back, finds what the definition finds, in its order", () => {
  for (let round = 0; round < 16; round++) {
    const T = 10 + random.int(30);
    const V = round % 4 === 0 ? 30 : 2 + random.int(5); // 30: more labels than a beam looks at
    const frames = logSoftmax("test", random.normals(T * V, 1 + (round % 4)), V);
    for (const beam of [1, 2, 3, 8, 20]) {
      assert.equal(
        prefixBeam(frames, beam).map((labels) => labels.join()),
        beamByText(frames, beam),
        `${round} ${beam}`,
      );
    }
  }
});

const config = {
  ...{ mels: 4, stack: 2, context: 16, classes: 4, kernel: 3, width: 16, heads: 2, layers: 1 },
  ...{ variant: "laser" as const, seed: 5 },
};

test("a trained model transcribes utterances of their own lengths, whatever lies behind their frames", () => {
  const nn = createSync({ threads: 1 });
  const model = conformer(nn, config);
  const optimizer = new AdamW(nn, model, { lr: 1e-2 });
  const targets = [[1, 2, 3], [2, 2], []];
  const [T, frames] = [30, [30, 19, 4]];
  const features = random.normals(3 * T * 4);
  for (let n = 0; n < 80; n++) {
    nn.step(() => model.loss(features, frames, targets));
    optimizer.step();
  }
  for (const beam of [1, 4]) {
    const found = transcribe(nn, model, features, frames, { beam });
    assert.equal(
      found.map(({ labels }) => labels),
      targets,
    );
    for (const { logLikelihood: likelihood } of found) assert.ok(likelihood > -0.7 && likelihood <= 0, `${likelihood}`);
    // Alone, and with garbage behind: the same labels, and the same likelihoods to rounding.
    for (const [b, count] of frames.entries()) {
      const own = features.slice(b * T * 4, (b + 1) * T * 4).fill(1e6, 4 * count);
      const [alone] = transcribe(nn, model, own, [count], { beam });
      assert.equal(alone!.labels, targets[b]);
      assert.ok(Math.abs(alone!.logLikelihood - found[b]!.logLikelihood) <= 1e-4);
    }
  }
  nn.dispose();
});

test("what lies behind the frames that count, NaN or infinity, changes no bit of loss and gradients", () => {
  const nn = createSync({ threads: 1 });
  const model = conformer(nn, { ...config, layers: 2 });
  for (const T of [12, 13]) {
    const [frames, targets] = [
      [12, 7, 0],
      [[1, 2], Int32Array.of(3), []],
    ];
    const features = random.normals(3 * T * 4);
    const behind = (value: number) =>
      features.map((x, n) => (Math.floor(n / 4) % T < frames[Math.floor(n / 4 / T)]! ? x : value));
    const run = (given: Float32Array) => {
      const loss = nn.step(() => model.loss(given, frames, targets));
      const gradients = [...model.parameters.values()].flatMap(({ grad }) => [...grad.toArray()]);
      new AdamW(nn, model, { lr: 0 }).step(); // gradients are 0 again
      return [loss, ...gradients];
    };
    const want = run(features);
    assert.ok(want.every(Number.isFinite) && want.some((x) => x !== 0));
    for (const value of [0, Number.NaN, Number.POSITIVE_INFINITY])
      assert.equal(run(behind(value)), want, `${T} ${value}`);
  }
  nn.dispose();
});

test("many utterances have what one pass over all of them gives, the likelier of path and beam, in the memory of a few", () => {
  const nn = createSync({ threads: 1 });
  const model = conformer(nn, config);
  for (const { tensor } of model.parameters.values())
    if (tensor.shape.length > 1) tensor.set(tensor.toArray().map((x) => 6 * x));
  const [B, T] = [200, 32];
  const features = random.normals(B * T * 4);
  const frames = Uint8Array.from({ length: B }, () => random.int(T + 1));
  const found = transcribe(nn, model, features, frames, { beam: 3 });
  const { used } = nn.la.memory;
  const whole = () => nn.evaluate(() => model.logits(features, frames).toArray());
  const scores = whole();
  whole(); // in the area that the first one planned
  let better = 0;
  for (const [b, { labels, logLikelihood: likelihood }] of found.entries()) {
    const own = logSoftmax("test", scores.subarray(b * 64, b * 64 + 4 * model.steps(frames[b]!)), 4);
    assert.is(likelihood, logLikelihood(own, labels));
    const [path, ...beam] = [greedy(own), ...prefixBeam(own, 3)].map((one) => logLikelihood(own, one));
    assert.is(likelihood, Math.max(path!, ...beam));
    if (likelihood > path!) better++;
  }
  assert.is(found.length, B);
  assert.ok(better > 0 && better < B, `${better} of ${B} are likelier than the path`);
  assert.ok(used < nn.la.memory.used / 3, `${used} of ${nn.la.memory.used}`);
  nn.dispose();
});

test("wrong features, frames, beams and scores are refused by name", () => {
  const nn = createSync({ threads: 1 });
  const model = conformer(nn, config);
  const call = (features: unknown, frames: unknown, beam?: unknown) => () =>
    transcribe(nn, model, features as Float32Array, frames as number[], { beam } as { beam: number });
  const good = new Float32Array(40);
  throws(call(good, [10], 0), RangeError, "transcribe: beam must be an integer of 1 or more, got 0");
  throws(call(good, []), RangeError, "conformer: the batch must not be empty, got no frames");
  throws(call(good, [11]), RangeError, "conformer: frames[0] must be an integer from 0 to 10, got 11");
  throws(call(new Float32Array(41), [10]), RangeError, "features must be 1 times some frames of 4, got 41");
  throws(call(new Float32Array(400), [10]), RangeError, "there must be 2 to 33 frames, got 100");
  throws(call(good.subarray(0, 4), [1]), RangeError, "there must be 2 to 33 frames, got 1");
  throws(
    () => transcribe(nn, {} as Conformer, good, [10]),
    TypeError,
    "transcribe: model must be a conformer, got an Object",
  );
  model.head.bias.tensor.data[1] = Number.POSITIVE_INFINITY;
  throws(call(good, [10]), RangeError, "transcribe: the model's scores must be finite, got Infinity");
  nn.dispose();
});

test.run();
