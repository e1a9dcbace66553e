/** What operations are given: outside of steps, of steps that ended, of the wrong kind; steps that fail. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  AdamW,
  activation,
  add,
  addPositions,
  createSync,
  crossEntropy,
  ctcLoss,
  Depthwise,
  depthwise,
  dropout,
  Embedding,
  embedding,
  glu,
  LayerNorm,
  Linear,
  type Loss,
  layerNorm,
  linear,
  Module,
  maskedMean,
  maskRows,
  multiply,
  type Parameter,
  prepend,
  Random,
  RmsNorm,
  rmsNorm,
  SelfAttention,
  scale,
  selfAttention,
  takeRow,
  takeRows,
  type Value,
} from "../src/nn/index.js";
import { ids, Shared, targets, tokens } from "./support/shared.js";
import { throws } from "./support/throws.js";

test("operations outside of a step give what they give inside, and leave nothing but their result", () => {
  const nn = createSync({ threads: 1 });
  const s = new Shared(nn);
  const keep = nn.la.tensor(Uint8Array.of(1, 1, 0, 1, 0, 1), [2, 3]);
  const x = nn.input(new Random(2).normals(24), [2, 3, 4]);
  const qkv = nn.input(new Random(3).normals(72), [2, 3, 12]);
  const operations: Record<string, () => Value> = {
    add: () => add(nn, x, x, 0.5),
    addPositions: () => addPositions(nn, x, s.table, 2),
    crossEntropy: () =>
      crossEntropy(
        nn,
        x,
        targets.map((t) => t % 4),
      ),
    ctcLoss: () => ctcLoss(nn, x, [[1], [2]], [3, 2]),
    depthwise: () => depthwise(nn, x, s.taps, s.beta),
    dropout: () => dropout(nn, x, 0.5, [1, 2]),
    embedding: () => embedding(nn, ids, [6], s.table),
    glu: () => glu(nn, x),
    layerNorm: () => layerNorm(nn, x, s.gamma, s.beta),
    linear: () => linear(nn, x, s.square, s.beta, { activation: "gelu" }),
    maskRows: () => maskRows(nn, x, keep),
    maskedMean: () => maskedMean(nn, x, keep),
    multiply: () => multiply(nn, x, x),
    prepend: () => prepend(nn, s.beta, x),
    rmsNorm: () => rmsNorm(nn, x, s.gamma),
    scale: () => scale(nn, x, 2),
    selfAttention: () => selfAttention(nn, qkv, 2, { variant: "laser" }),
    activation: () => activation(nn, x, "silu"),
    takeRow: () => takeRow(nn, x, 1),
    takeRows: () => takeRows(nn, x, [5, 0, 5]),
  };
  for (const [name, run] of Object.entries(operations)) {
    const want = nn.evaluate(() => run().toArray());
    const { used } = nn.la.memory;
    const value = run();
    assert.equal(value.toArray(), want, name);
    value.tensor.dispose();
    assert.is(nn.la.memory.used, used, name);
  }
  nn.dispose();
});

test("wrong kinds, shapes, ranks and numbers are refused before any kernel runs", () => {
  const nn = createSync({ threads: 1 });
  const s = new Shared(nn);
  const [x, flat, loose] = [
    [2, 3, 4],
    [6, 4],
    [2, 3, 5],
  ].map((shape) => nn.input(new Float32Array(shape.reduce((a, b) => a * b)), shape)) as [Value, Value, Value];
  const keep = nn.la.tensor(new Uint8Array(5), [5]);
  const [three, even] = [nn.parameter(new Float32Array(3), [3]), nn.parameter(new Float32Array(8), [4, 1, 2])];
  const any = <T>(value: unknown): T => value as T;
  const ctc = (targets: unknown, frames: unknown, options?: unknown) => () =>
    ctcLoss(nn, x, any(targets), any(frames), any(options));
  const layer = (options: unknown) => () => linear(nn, x, s.square, s.beta, any(options));
  const attend = (qkv: Value, heads: number) => () => selfAttention(nn, qkv, heads, { variant: "laser" });
  const range: [() => unknown, string][] = [
    [() => add(nn, x, flat), "add: y must have shape [2, 3, 4], got [6, 4]"],
    [() => add(nn, x, scale(nn, x, 2), 1e39), "add: factor must be a finite float32, got 1e+39"],
    [() => addPositions(nn, flat, s.table), "addPositions: x must have rank 3, got [6, 4]"],
    [() => addPositions(nn, x, s.table, 3), "addPositions: x must have at most 2 positions, got 3"],
    [() => addPositions(nn, loose, s.table), "addPositions: x must have 4 on its last axis, got [2, 3, 5]"],
    [() => crossEntropy(nn, x, [1, 2]), "crossEntropy: there must be 6 targets, got 2"],
    [() => crossEntropy(nn, x, [0, 0, 0, 0, 0, 0.5]), "integers from -1 to 3, got 0.5 at 5"],
    [() => ctcLoss(nn, flat, [[1]], [1]), "ctcLoss: logits must have rank 3, got [6, 4]"],
    [ctc([[1], [1]], [3]), "ctcLoss: there must be 2 targets and frames, got 2 and 1"],
    [ctc([[1]], [3, 3]), "ctcLoss: there must be 2 targets and frames, got 1 and 2"],
    [ctc([[1], [2, 0]], [3, 3]), "ctcLoss: targets[1] must hold no blank, 0, got one at 1"],
    [ctc([[1], [4]], [3, 3]), "ctcLoss: targets[1] must be integers from 0 to 3, got 4 at 0"],
    [ctc([[1], [1]], [3, 4]), "frames must be integers from 0 to 3, got 4"],
    [ctc([[1], [1]], [3, 3], { blank: 4 }), "ctcLoss: blank must be an integer from 0 to 3, got 4"],
    [() => depthwise(nn, flat, s.taps, s.beta), "depthwise: x must have rank 3, got [6, 4]"],
    [() => depthwise(nn, x, s.square, s.beta), "weight must have shape [any, 1, any], got [4, 4]"],
    [() => depthwise(nn, x, even, s.beta), "depthwise: weight must have an odd number of taps, got 2"],
    [() => depthwise(nn, x, s.taps, three), "depthwise: bias must have shape [4], got [3]"],
    [() => dropout(nn, x, 1, [1, 2]), "dropout: p must be from 0 to below 1, got 1"],
    [() => dropout(nn, x, 0.5, any([1])), "dropout: seed must be two integers, got 1"],
    [() => dropout(nn, x, 0.5, [1, 0.5]), "every word of seed must be an integer"],
    [() => embedding(nn, [5], [1], s.table), "embedding: ids must be integers from 0 to 4, got 5"],
    [() => embedding(nn, [1], [2], s.table), "embedding: there must be 2 ids, got 1"],
    [() => embedding(nn, [1], [1], s.beta), "embedding: table must have shape [any, any], got [4]"],
    [() => glu(nn, loose), "glu: x must have an even number on its last axis, got [2, 3, 5]"],
    [() => layerNorm(nn, loose, s.gamma, s.beta), "layerNorm: x must have 4 on its last axis, got [2, 3, 5]"],
    [() => layerNorm(nn, x, s.gamma, three), "layerNorm: bias must have shape [4], got [3]"],
    [() => layerNorm(nn, x, s.gamma, s.beta, -1), "layerNorm: eps must be a finite number of 0 or more, got -1"],
    [() => linear(nn, loose, s.square), "linear: x must have 4 on its last axis, got [2, 3, 5]"],
    [() => linear(nn, x, s.square, three), "linear: bias must have shape [4], got [3]"],
    [layer({ part: [5, 0] }), "the first feature of part must be an integer from"],
    [layer({ part: [1, 4] }), "linear: the count of part must be an integer from 0 to 3, got 4"],
    [() => maskRows(nn, x, keep), "maskRows: keep must have 6 elements, got [5]"],
    [() => maskedMean(nn, x, keep), "maskedMean: keep must have shape [2, 3], got [5]"],
    [() => multiply(nn, x, loose), "multiply: y must have shape [2, 3, 4], got [2, 3, 5]"],
    [() => prepend(nn, three, x), "prepend: row must have shape [4], got [3]"],
    [() => rmsNorm(nn, x, three), "rmsNorm: x must have 3 on its last axis, got [2, 3, 4]"],
    [attend(flat, 2), "selfAttention: qkv must have rank 3, got [6, 4]"],
    [attend(x, 1), "selfAttention: qkv must have three times a multiple of heads (1) on its last axis, got [2, 3, 4]"],
    [attend(x, 0), "selfAttention: heads must be an integer of 1 or more, got 0"],
    [() => takeRow(nn, x, 3), "takeRow: index must be an integer from 0 to 2, got 3"],
    [() => takeRow(nn, x, -1), "takeRow: index must be an integer from 0 to 2, got -1"],
    [() => takeRows(nn, x, [0, 6]), "takeRows: rows must be integers from 0 to 5, got 6 at 1"],
    [() => takeRows(nn, x, [0.5]), "takeRows: rows must be integers from 0 to 5, got 0.5 at 0"],
  ];
  for (const [call, message] of range) throws(call, RangeError, message);
  const kind: [() => unknown, string][] = [
    [() => activation(nn, any(new Float32Array(3)), "silu"), "activation: x must be a value, got a Float32Array"],
    [
      () => activation(nn, x, any("elu")),
      'activation: kind must be "gelu" or "gelu-erf" or "silu" or "relu" or "tanh", got "elu"',
    ],
    [() => linear(nn, x, any(x)), "linear: weight must be a parameter, got a Value"],
    [layer({ activation: "elu" }), 'activation must be "gelu" or "gelu-erf" or "silu" or "relu" or "tanh", got "elu"'],
    [() => maskRows(nn, x, any(x.tensor)), 'maskRows: keep must have dtype "u8", got "f32"'],
    [() => crossEntropy(nn, x, any(3)), "crossEntropy: targets must be an array, got 3"],
    [() => takeRows(nn, x, any(3)), "takeRows: rows must be an array, got 3"],
    [() => takeRows(nn, x, any(undefined)), "takeRows: rows must be an array, got undefined"],
    [ctc([1, 2], [3, 3]), "ctcLoss: targets[0] must be an array, got 1"],
    [ctc([[1], [1, undefined, 2]], [3, 3]), "targets[1] must be integers from 0 to 3, got undefined"],
    [ctc([new Array(2), [1]], [3, 3]), "targets[0] must be integers from 0 to 3, got undefined at 0"],
    [ctc([[1], [1]], [3, "3"]), 'ctcLoss: frames must be integers from 0 to 3, got "3" at 1'],
    [ctc([[1], [1]], [3, 3], { zero_infinity: true }), 'blank, zeroInfinity, got "zero_infinity"'],
    [ctc([[1], [1]], [3, 3], null), "ctcLoss: options must be an object, got null"],
    [() => embedding(nn, any(["1"]), [1], s.table), 'embedding: ids must be integers from 0 to 4, got "1" at 0'],
    [layer("gelu"), 'linear: options must be an object, got "gelu"'],
    [layer({ act: "gelu" }), 'linear: options must be among activation, part, got "act"'],
    [layer({ part: 2 }), "linear: part must be [first, count], got 2"],
    [layer({ part: [0, 1, 2] }), "linear: part must be [first, count], got [0, 1, 2]"],
    [() => embedding(nn, [1], any(1), s.table), "embedding: shape must be an array of sizes, got 1"],
  ];
  for (const [call, message] of kind) throws(call, TypeError, message);
  nn.dispose();
});

test("targets of ctcLoss may be anything with a length, holes aside", () => {
  const nn = createSync({ threads: 1 });
  const x = nn.input(new Random(2).normals(24), [2, 3, 4]);
  const want = ctcLoss(nn, x, [[1, 2], [3]], [3, 2]).item;
  const like = (...labels: number[]): ArrayLike<number> => ({ ...labels, length: labels.length });
  assert.is(ctcLoss(nn, x, [like(1, 2), like(3)], [3, 2]).item, want);
  assert.is(ctcLoss(nn, x, { 0: Int32Array.of(1, 2), 1: Uint8Array.of(3), length: 2 }, like(3, 2)).item, want);
  assert.is(ctcLoss(nn, x, [[1, 2], [3]], [3, 2], { blank: undefined, zeroInfinity: undefined }).item, want);
  nn.dispose();
});

test("values of a step that ended, of another instance and of a disposed one are refused", () => {
  const [nn, other] = [createSync({ threads: 1 }), createSync({ threads: 1 })];
  const [s, theirs] = [new Shared(nn), new Shared(other)];
  const old = nn.evaluate(() => embedding(nn, ids, [2, 3], s.table));
  throws(() => activation(nn, old, "silu"), TypeError, "activation: x is disposed");
  throws(
    () => linear(nn, nn.input(new Float32Array(4), [4]), theirs.square),
    TypeError,
    "linear: weight must be a tensor of this instance",
  );
  throws(
    () => activation(nn, other.input(new Float32Array(4), [4]), "silu"),
    TypeError,
    "activation: x must be a tensor of this instance",
  );
  let kept: Loss | undefined;
  nn.step(() => {
    kept = crossEntropy(nn, linear(nn, tokens(nn, s), s.square), targets);
    return kept;
  });
  throws(() => nn.step(() => kept!), TypeError, "step: the loss is disposed");
  throws(() => new AdamW(nn, theirs), TypeError, "AdamW: table must be a tensor of this instance");
  throws(() => nn.evaluate(() => new AdamW(nn, s)), TypeError, "AdamW: must be called outside of a step");
  other.dispose();
  throws(() => other.evaluate(() => 1), TypeError, "this instance is disposed");
  throws(() => other.step(() => 1 as never), TypeError, "this instance is disposed");
  nn.dispose();
});

test("a step may lie in a scope, and a scope in a step, which keeps what it recorded; promises and what is no function are refused", () => {
  const nn = createSync({ threads: 1 });
  const s = new Shared(nn);
  const loss = (): Loss => crossEntropy(nn, linear(nn, tokens(nn, s), s.square), targets);
  const alone = nn.step(loss);
  const gradient = s.square.grad.toArray();
  s.zeroGrad();
  const { used } = nn.la.memory;
  for (let n = 0; n < 3; n++)
    assert.is(
      nn.la.scope(() => {
        nn.la.zeros([5]);
        return nn.step(loss);
      }),
      alone,
    );
  // The second sum is exact, the third is rounded.
  assert.equal(
    s.square.grad.toArray(),
    gradient.map((g) => 3 * g),
  );
  assert.is(nn.la.memory.used, used);
  const inside = () => nn.la.scope(() => nn.la.scope(loss)); // its logits are released by neither
  for (let n = 0; n < 2; n++) {
    s.zeroGrad();
    assert.is(nn.step(inside), alone);
    assert.equal(s.square.grad.toArray(), gradient);
  }
  assert.is(
    nn.evaluate(() => nn.la.scope(loss).item),
    alone,
  );
  throws(() => nn.evaluate(async () => 1), TypeError, "evaluate: body must be synchronous");
  throws(() => nn.evaluate(3 as never), TypeError, "evaluate: body must be a function, got 3");
  throws(() => nn.step(loss, "2" as never), TypeError, 'step: scale must be a number, got "2"');
  assert.is(nn.step(loss), alone);
  nn.dispose();
});

test("a step that fails half way leaves no gradient behind", () => {
  const nn = createSync({ threads: 1 });
  const s = new Shared(nn);
  const optimizer = new AdamW(nn, s);
  const loss = (): Loss => crossEntropy(nn, linear(nn, tokens(nn, s), s.square), targets);
  nn.step(loss);
  const gradient = s.square.grad.toArray();
  optimizer.step({ lr: 0 });
  const { engine } = nn;
  const { embeddingBackward } = engine.kernels;
  const fail = (to: number): never => {
    nn.la.engine.space.arena.f32(to, 1)[0] = 7;
    throw new Error("the kernel fails");
  };
  const failing = { ...engine.kernels, embeddingBackward: fail };
  Object.assign(engine, { kernels: failing });
  assert.throws(() => nn.step(loss), /the kernel fails/);
  for (const { fresh, grad } of [s.square, s.table]) assert.ok(fresh && grad.toArray().every((x) => x === 0));
  Object.assign(engine, { kernels: { ...failing, embeddingBackward } });
  nn.step(loss);
  assert.equal(s.square.grad.toArray(), gradient);
  nn.dispose();
});

test("a parameter with two names is counted, and changed by the optimiser, once", () => {
  const nn = createSync({ threads: 1 });
  class Tied extends Module {
    readonly table: Parameter;
    readonly head: Parameter;
    constructor(first: Parameter, second: Parameter) {
      super();
      this.table = first;
      this.head = second;
    }
  }
  const make = () => nn.parameter(new Random(1).normals(20), [5, 4]);
  const [shared, alone] = [make(), make()];
  const tied = new Tied(shared, shared);
  class One extends Module {
    readonly table = alone;
  }
  const one = new One();
  assert.is(tied.parameterCount, 20);
  const step = (model: Module, parameter: Parameter, optimizer: AdamW): number => {
    nn.step(() => crossEntropy(nn, linear(nn, embedding(nn, ids, [6], parameter), parameter), targets));
    assert.is(model.parameters.get("table"), parameter);
    return optimizer.step({ lr: 0.1 });
  };
  const [a, b] = [new AdamW(nn, tied), new AdamW(nn, one)];
  assert.is(step(tied, shared, a), step(one, alone, b));
  assert.equal(shared.tensor.toArray(), alone.tensor.toArray());
  assert.equal([...a.stateDict().moments.keys()], ["m.table", "v.table"]);
  nn.dispose();
});

test("parameters are found in arrays of arrays; data that is no float32 is refused", () => {
  const nn = createSync({ threads: 1 });
  class Nested extends Module {
    readonly rows = [[nn.parameter(new Float32Array(2), [2])], [new Shared(nn)]];
  }
  const names = [...new Nested().parameters.keys()];
  assert.equal(names.slice(0, 2), ["rows.0.0", "rows.1.0.table"]);
  assert.is(names.length, 7);
  throws(
    () => nn.input(new Uint8Array(2) as never, [2]),
    TypeError,
    "input: data must be a Float32Array, got a Uint8Array",
  );
  throws(() => nn.parameter([1] as never, [1]), TypeError, "parameter: data must be a Float32Array, got [1]");
  nn.dispose();
});

test("layers name the size that does not fit", () => {
  const nn = createSync({ threads: 1 });
  const random = new Random(1);
  const range: [() => unknown, string][] = [
    [() => new Linear(nn, random, 1.5, 3), "Linear: inputs must be an integer of 1 or more, got 1.5"],
    [() => new Linear(nn, random, 3, 0), "Linear: outputs must be an integer of 1 or more, got 0"],
    [() => new Linear(nn, random, 1e5, 1e5), "Linear: shape must take at most 4294967296 bytes, got [100000, 100000]"],
    [() => new LayerNorm(nn, -1), "LayerNorm: width must be an integer of 1 or more, got -1"],
    [() => new RmsNorm(nn, Number.NaN), "RmsNorm: width must be an integer of 1 or more, got NaN"],
    [() => new Embedding(nn, random, 0, 4), "Embedding: rows must be an integer of 1 or more, got 0"],
    [() => new Depthwise(nn, random, 4, 0.5), "Depthwise: taps must be an integer of 1 or more, got 0.5"],
    [() => new Depthwise(nn, random, 4, 2), "Depthwise: taps must be odd, got 2"],
    [() => new SelfAttention(nn, random, 0, 3), "SelfAttention: width must be an integer of 1 or more, got 0"],
    [() => new SelfAttention(nn, random, 8, 0), "SelfAttention: heads must be an integer of 1 or more, got 0"],
  ];
  for (const [call, message] of range) throws(call, RangeError, message);
  throws(() => new Linear(nn, random, "4" as never, 3), TypeError, 'Linear: inputs must be a number, got "4"');
  nn.dispose();
});

test.run();
