/** Steps of training: tape, plan of memory, modules, optimiser. Kernels: nn-*.test.ts; whole runs against float64: parity.test.ts. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../src/data/random.js";
import { bert, conformer, type Gpt, gpt, vit } from "../src/models/index.js";
import {
  AdamW,
  activation,
  add,
  createSync,
  crossEntropy,
  ctcLoss,
  Depthwise,
  dropout,
  Embedding,
  glu,
  LayerNorm,
  Linear,
  type Loss,
  Module,
  maskedMean,
  maskRows,
  type Nn,
  RmsNorm,
  SelfAttention,
} from "../src/nn/index.js";
import { firstDifference } from "./support/bits.js";
import { checkGradients } from "./support/shared.js";
import { throws } from "./support/throws.js";

const config = { vocabulary: 11, context: 12, width: 16, heads: 2, layers: 2, variant: "laser" as const, seed: 3 };

const random = new Random(5);
const batch = (B = 4, N = 9): Int32Array[] =>
  Array.from({ length: B }, () => Int32Array.from({ length: N }, () => random.int(config.vocabulary)));
const [ids, targets] = [batch(), batch()];

/** Trains for some steps on batches of the given sizes, `between` which something happens; losses and all parameters. */
function run(nn: Nn, sizes: readonly [number, number][], between = (_: Gpt): void => {}) {
  const model = gpt(nn, config);
  const optimizer = new AdamW(nn, model, { lr: 1e-2 });
  const losses = sizes.map(([B, N]) => {
    between(model);
    const cut = (rows: Int32Array[]): Int32Array[] => rows.slice(0, B).map((row) => row.subarray(0, N));
    const loss = nn.step(() => model.loss(cut(ids), cut(targets)));
    optimizer.step({ clip: 1 });
    return loss;
  });
  return { losses, model };
}

const same = (a: Gpt, b: Gpt): void => {
  for (const [name, { tensor }] of a.parameters) {
    assert.is(firstDifference(tensor.toArray(), b.parameters.get(name)!.tensor.toArray()), -1, name);
  }
};

/** Every operation once, each with something that makes a wrong gradient show. */
class Everything extends Module {
  readonly #nn: Nn;
  readonly tok: Embedding;
  readonly gate: Linear;
  readonly conv: Depthwise;
  readonly norm: LayerNorm;
  readonly rms: RmsNorm;
  readonly fc: Linear;
  readonly head: Linear;

  constructor(nn: Nn) {
    super();
    const r = new Random(1);
    this.#nn = nn;
    this.tok = new Embedding(nn, r, 7, 8);
    this.gate = new Linear(nn, r, 8, 16);
    this.conv = new Depthwise(nn, r, 8, 3);
    this.norm = new LayerNorm(nn, 8);
    this.rms = new RmsNorm(nn, 8);
    this.fc = new Linear(nn, r, 8, 8);
    this.head = new Linear(nn, r, 8, 5);
    // Larger than a model begins with, so that no gradient is lost in the rounding of a difference.
    for (const { tensor } of this.parameters.values()) {
      if (tensor.shape.length > 1) tensor.set(tensor.toArray().map((x) => 20 * x));
    }
  }

  loss(): Loss {
    const nn = this.#nn;
    const keep = nn.la.tensor(Uint8Array.of(1, 1, 1, 0, 1, 1, 0, 0), [2, 4]);
    const x = this.tok.forward([0, 1, 2, 3, 4, 5, 6, 0], [2, 4]);
    const gated = maskRows(nn, glu(nn, this.gate.forward(x)), keep);
    const y = add(nn, x, activation(nn, this.norm.forward(this.conv.forward(gated)), "silu"), 0.5);
    const z = add(nn, y, this.fc.forward(this.rms.forward(y), "gelu-erf"));
    return crossEntropy(nn, this.head.forward(maskedMean(nn, dropout(nn, z, 0.25, [1, 2]), keep)), [3, 1]);
  }
}

test("the first step plans the memory, later ones allocate nothing, and the loss falls", () => {
  const nn = createSync({ threads: 1 });
  const model = gpt(nn, config);
  const optimizer = new AdamW(nn, model, { lr: 1e-2 });
  const losses: number[] = [];
  const usage = Array.from({ length: 30 }, () => {
    losses.push(nn.step(() => model.loss(ids, targets)));
    optimizer.step();
    return nn.la.memory;
  });
  for (const later of usage.slice(1)) assert.equal(later, usage[0]);
  assert.ok(nn.stepBytes > 0);
  assert.ok(losses.at(-1)! < losses[0]! / 4, `${losses[0]} to ${losses.at(-1)}`);
  nn.dispose();
});

test("steps of other shapes are planned anew, and give the bits of an instance that never planned for them", () => {
  const sizes: [number, number][] = [
    [4, 9],
    [4, 9],
    [2, 9],
    [2, 9],
    [4, 5],
    [4, 9],
    [4, 9],
  ];
  const [one, two] = [createSync({ threads: 1 }), createSync({ threads: 1 })];
  const first = run(one, sizes);
  // The same steps, between which others of another shape leave their plan behind.
  const second = run(two, sizes, (model) => {
    two.evaluate(() => model.logits(batch(3, 1 + random.int(12))).toArray());
  });
  assert.equal(second.losses, first.losses);
  same(second.model, first.model);
  one.dispose();
  two.dispose();
});

test("any number of threads trains to the bits of one", () => {
  const sizes = Array.from({ length: 2 }, () => [4, 9] as [number, number]); // the second in the memory that the first planned
  const [one, three] = [createSync({ threads: 1 }), createSync({ threads: 3 })];
  // None of these calls is worth a second thread: here all of them use three.
  const pool = three.engine.pool!;
  Object.assign(pool, { members: () => pool.size });
  const [a, b] = [run(one, sizes), run(three, sizes)];
  assert.equal(a.losses, b.losses);
  same(a.model, b.model);
  const gradients = (nn: Nn): Float32Array[] => {
    const [model, labels] = [new Everything(nn), new Linear(nn, new Random(2), 8, 6)];
    const x = nn.input(new Random(3).normals(2 * 5 * 8), [2, 5, 8]);
    nn.step(() => model.loss());
    nn.step(() => ctcLoss(nn, labels.forward(x), [[1, 2], [3]], [5, 4]));
    return [model, labels].flatMap(({ parameters }) => [...parameters.values()].map(({ grad }) => grad.toArray()));
  };
  const expected = gradients(one);
  for (const [i, gradient] of gradients(three).entries()) {
    assert.is(firstDifference(gradient, expected[i]!), -1, `gradient ${i}`);
  }
  assert.is(three.la.threads, 3);
  one.dispose();
  three.dispose();
});

test("halves of a batch, scaled by a half, add up to the gradient of the whole", () => {
  const nn = createSync({ threads: 1 });
  const model = gpt(nn, config);
  nn.step(() => model.loss(ids, targets));
  const whole = new Map([...model.parameters].map(([name, { grad }]) => [name, grad.toArray()]));
  model.zeroGrad();
  for (const at of [0, 2]) nn.step(() => model.loss(ids.slice(at, at + 2), targets.slice(at, at + 2)), 0.5);
  for (const [name, { grad }] of model.parameters) {
    const expected = whole.get(name)!;
    // Float32 sums in another order: some roundings of the largest element.
    const size = Math.max(...expected.map(Math.abs));
    grad.toArray().forEach((x, i) => {
      assert.ok(Math.abs(x - expected[i]!) <= 1e-5 * size + 1e-9, `${name} ${i}: ${x}, ${expected[i]}`);
    });
  }
  nn.dispose();
});

test("every operation's gradient reaches the parameters: central differences of the loss", () => {
  const nn = createSync({ threads: 1 });
  const model = new Everything(nn);
  checkGradients("everything", nn, model, () => model.loss());
  nn.dispose();
});

test("a gradient that is not finite changes nothing, and the optimiser's state goes on where it was saved", () => {
  const nn = createSync({ threads: 1 });
  const [a, b] = [gpt(nn, config), gpt(nn, config)];
  const [first, second] = [new AdamW(nn, a, { lr: 1e-2 }), new AdamW(nn, b, { lr: 1e-2 })];
  for (let n = 0; n < 2; n++) {
    nn.step(() => a.loss(ids, targets));
    first.step();
  }
  b.loadStateDict(a.stateDict());
  second.loadStateDict(first.stateDict());
  nn.step(() => a.loss(ids, targets));
  a.head.bias.grad.data[3] = Number.POSITIVE_INFINITY;
  assert.not(Number.isFinite(first.step()));
  same(a, b);
  assert.is(first.steps, 2);
  for (const [model, optimizer] of [
    [a, first],
    [b, second],
  ] as const) {
    nn.step(() => model.loss(ids, targets));
    optimizer.step();
  }
  same(a, b);
  nn.dispose();
});

test("what is no instance for training or no model is refused, and after dispose an optimiser refuses too", () => {
  for (const threads of [1, 2]) {
    const nn = createSync({ threads });
    const model = gpt(nn, config);
    const makers = { gpt, bert, vit, conformer } as unknown as Record<string, (nn: unknown, config: object) => unknown>;
    for (const [name, make] of Object.entries(makers)) {
      throws(() => make(nn.la, config), TypeError, `${name}: nn must be an instance of laser-attention/nn`);
      throws(() => make(undefined, config), TypeError, "nn must be an instance of laser-attention/nn, got undefined");
    }
    const Loose = AdamW as unknown as new (nn: unknown, model: unknown) => unknown;
    throws(() => new Loose(nn.la, model), TypeError, "AdamW: nn must be an instance of laser-attention/nn");
    throws(() => new Loose(nn, {}), TypeError, "AdamW: model must be a module");
    const optimizer = new AdamW(nn, model);
    nn.step(() => model.loss(ids, targets));
    nn.dispose();
    throws(() => optimizer.step(), TypeError, "this instance is disposed");
    throws(() => optimizer.gradientNorm(), TypeError, "this instance is disposed");
  }
});

test("wrong use is refused with its name, what was expected and what came, and the next step works", () => {
  const nn = createSync({ threads: 1 });
  const model = gpt(nn, config);
  const made = (more: object) => () => gpt(nn, { ...config, ...more });
  throws(made({ depth: 3 }), TypeError, "gpt: config must be among vocabulary,", 'got "depth"');
  throws(() => gpt(nn, undefined as never), TypeError, "gpt: config must be an object, got undefined");
  throws(made({ width: "16" }), TypeError, 'gpt: width must be a number, got "16"');
  throws(made({ layers: 0 }), RangeError, "gpt: layers must be an integer of 1 or more, got 0");
  throws(made({ heads: 3 }), RangeError, "width must be a multiple of heads (3), got 16");
  throws(made({ variant: "fast" }), TypeError, 'variant must be "standard" or "laser", got "fast"');
  const step = (of: unknown, wanted: unknown) => () => nn.step(() => model.loss(of as never, wanted as never));
  throws(step([], []), RangeError, "gpt: ids must not be empty, got no rows");
  throws(step([[], []], []), RangeError, "gpt: ids must not be empty, got 2 rows");
  throws(step(batch(1, 13), batch(1, 13)), RangeError, "rows of at most 12 (", "got 13");
  const beyond = [0, config.vocabulary];
  throws(step([[0, 1], beyond], batch(2, 2)), RangeError, "gpt: ids[1] must be integers from 0 to 10, got 11 at 1");
  throws(step([["1", 1]], [[1, 2]]), TypeError, 'from 0 to 10, got "1" at 0');
  throws(step([[1, 1]], [[1, null]]), TypeError, "from -1 to 10, got null at 1");
  throws(step([[0, 1], [2]], [[1, 2], [1]]), RangeError, "ids must have rows of 2 like the first, got 1");
  const run = (forward: unknown) => () => nn.step(forward as () => Loss);
  throws(run(step(ids, targets)), TypeError, "step: must be called outside of a step");
  throws(
    run(() => 3),
    TypeError,
    "step: forward must return a loss, got 3",
  );
  throws(run(undefined), TypeError, "step: forward must be a function, got undefined");
  throws(
    run(() => nn.input(new Float32Array(1), [1])),
    TypeError,
    "must return a loss, got a Value",
  );
  throws(() => new Linear(nn, 1 as never, 2, 2), TypeError, "Linear: random must be a Random, got 1");
  const heads = () => new SelfAttention(nn, new Random(1), 8, 3);
  throws(heads, RangeError, "SelfAttention: width must be a multiple of heads (3), got 8");
  const mask = () => bert(nn, { ...config, vocabulary: 1 });
  throws(mask, RangeError, "bert: vocabulary must be 2 or more, the mask included");
  class Hidden extends Module {
    readonly parts = { first: new Linear(nn, new Random(1), 2, 2) };
  }
  throws(() => new AdamW(nn, new Hidden()), RangeError, "AdamW: model must have parameters");
  throws(() => new AdamW(nn, model, { lr: -1 }), RangeError, "AdamW: lr must be 0 or more, got -1");
  const { used } = nn.la.memory;
  nn.step(() => model.loss(ids, targets));
  const after = nn.la.memory.used;
  throws(step(ids, [[1]]), RangeError, "gpt: targets must be 4 rows of 9 like ids, got 1 of 1");
  const turned = Array.from(ids[0]!, (_, n) => ids.map((row) => row[n]!)); // as many in all
  throws(step(ids, turned), RangeError, "like ids, got 9 of 4");
  nn.step(() => model.loss(ids, targets));
  assert.is(nn.la.memory.used, after);
  assert.ok(after > used);
  const value = nn.evaluate(() => model.logits(ids));
  throws(() => value.toArray(), TypeError, "is disposed");
  nn.dispose();
});

test.run();
