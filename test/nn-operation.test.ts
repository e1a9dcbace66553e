/** A user's own operations, losses and modules, made of public names alone. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Tensor } from "../src/index.js";
import type { Parameter, Value } from "../src/nn/index.js";
import {
  AttentionCache,
  activation,
  add,
  attention,
  cachedAttention,
  createSync,
  ctcLoss,
  dropout,
  Embedding,
  embedding,
  Linear,
  linear,
  loss,
  Module,
  multiply,
  operation,
  Random,
  RmsNorm,
  SelfAttention,
  scale,
  selfAttention,
} from "../src/nn/index.js";
import { throws } from "./support/throws.js";

const nn = createSync({ threads: 1 });
const sizes = [3, 4] as const;
const numbers = new Random(5).normals(12);

/** x y, elementwise. */
const times = (x: Value, y: Value): Value =>
  operation(nn, [x, y], {
    shape: x.shape,
    forward: (z) => z.set(x.toArray().map((one, i) => one * y.tensor.data[i]!)),
    backward: (dz, [dx, dy]) => {
      for (let i = 0; i < dz.data.length; i++) {
        if (dx !== undefined) dx.data[i]! += dz.data[i]! * y.tensor.data[i]!;
        if (dy !== undefined) dy.data[i]! += dz.data[i]! * x.tensor.data[i]!;
      }
    },
  });

const sum = (x: Value) =>
  loss(nn, x, (dx) => {
    dx?.data.fill(1);
    return x.toArray().reduce((all, one) => all + one, 0);
  });

const close = (got: Float32Array, want: readonly number[]): void => {
  assert.is(got.length, want.length);
  for (const [i, one] of want.entries()) assert.ok(Math.abs(got[i]! - one) <= 1e-6 * (1 + Math.abs(one)), `${i}`);
};

test("an operation has its gradient, for one value given twice and used elsewhere too", () => {
  const x = nn.parameter(numbers, sizes);
  const value = nn.step(() => sum(add(nn, times(x, x), x, 3))); // x^2 + 3 x
  const expected = Array.from(numbers, (one) => one * one + 3 * one).reduce((all, one) => all + one, 0);
  assert.ok(Math.abs(value - expected) < 1e-5 * (1 + Math.abs(expected)));
  close(
    x.grad.toArray(),
    Array.from(numbers, (one) => 2 * one + 3),
  );
});

test("an input that needs no gradient gets none, and a value that is not a parameter passes its own on", () => {
  const x = nn.parameter(numbers, sizes);
  const seen: boolean[] = [];
  nn.step(() => {
    const fixed = nn.input(numbers, sizes);
    const y = times(activation(nn, x, "silu"), fixed);
    return sum(
      operation(nn, [y, fixed], {
        shape: sizes,
        forward: (z) => z.set(y.toArray()),
        backward: (dz, gradients) => {
          seen.push(...gradients.map((one) => one !== undefined));
          gradients[0]!.set(dz.toArray());
        },
      }),
    );
  });
  assert.equal(seen, [true, false]);
  const sigmoid = (t: number): number => 1 / (1 + Math.exp(-t));
  close(
    x.grad.toArray(),
    Array.from(numbers, (t) => t * sigmoid(t) * (1 + t * (1 - sigmoid(t)))),
  );
});

test("a module of its own trains: its parameters have names, and steps after the first allocate nothing", () => {
  class Gated extends Module {
    readonly up: Linear;
    readonly gates: readonly Parameter[];
    constructor(random: Random) {
      super();
      this.up = new Linear(nn, random, 4, 4);
      this.gates = [nn.parameter(random.normals(12), sizes)];
    }
    forward(x: Value): Value {
      return times(this.up.forward(x), this.gates[0]!);
    }
  }
  const model = new Gated(new Random(6));
  assert.equal([...model.parameters.keys()], ["up.weight", "up.bias", "gates.0"]);
  const step = (): number => nn.step(() => sum(model.forward(nn.input(numbers, sizes))));
  const first = step();
  assert.is(step(), first);
  const { bytes } = nn.la.memory;
  for (let n = 0; n < 50; n++) step();
  assert.is(nn.la.memory.bytes, bytes);
});

test("what a pass returns in the place of writing it, or disposes, is refused: it would be lost", () => {
  const x = nn.parameter(numbers, sizes);
  const run = (passes: object) => () =>
    nn.step(() => sum(operation(nn, [x], { shape: sizes, forward: (y: Tensor) => y, backward: () => {}, ...passes })));
  const forward = "operation: forward must write the result into y, got ";
  throws(run({ forward: () => nn.la.exp(x.tensor) }), TypeError, forward);
  throws(run({ forward: () => add(nn, x, x) }), TypeError, forward);
  const backward = "operation: backward must add to the gradients that it is given, got ";
  throws(run({ backward: (dy: Tensor) => [nn.la.exp(dy)] }), TypeError, backward);
  throws(run({ backward: (dy: Tensor, made: Tensor[]) => (made[0] = dy) }), TypeError, "read only property");
  throws(run({ forward: (y: Tensor) => y.dispose() }), TypeError, "operation: y is disposed");
  throws(run({ backward: (_: Tensor, [dx]: Tensor[]) => dx!.dispose() }), TypeError, "gradients[0] is disposed");
  const disposed = () =>
    loss(nn, x, (dx) => {
      dx!.dispose();
      return 1;
    });
  throws(() => nn.step(disposed), TypeError, "loss: dx is disposed");
  for (const harmless of [
    { backward: (dy: Tensor) => dy },
    { backward: (_: Tensor, made: Tensor[]) => made },
    { backward: (_: Tensor, [dx]: Tensor[]) => [dx] },
    { forward: () => [1] },
  ])
    run(harmless)();
});

test("gradients of one's own are those of a loss in a step", () => {
  const [x, other] = [nn.parameter(numbers, sizes), nn.parameter(numbers, sizes)];
  const own = new Random(9).normals(12);
  const give = () =>
    loss(nn, x, (dx) => {
      dx!.set(own);
      return 0;
    });
  assert.is(nn.step(give), 0);
  close(x.grad.toArray(), [...own]);
  nn.step(() => add(nn, give(), sum(other)));
  close(
    x.grad.toArray(),
    Array.from(own, (one) => 2 * one),
  );
});

test("a loss from outside of a step is no part of a loss inside, where it would count and have no gradient", () => {
  const x = nn.parameter(numbers, sizes);
  const outside = sum(x);
  const words = "must be made inside of the step, got a loss from outside";
  throws(() => nn.step(() => add(nn, sum(x), outside)), TypeError, `add: y ${words}`);
  throws(() => nn.step(() => add(nn, outside, sum(x))), TypeError, `add: x ${words}`);
  throws(() => nn.step(() => scale(nn, outside, 2)), TypeError, `scale: x ${words}`);
  throws(() => nn.step(() => sum(multiply(nn, sum(x), outside))), TypeError, `multiply: y ${words}`);
  assert.is(scale(nn, outside, 2).item, 2 * outside.item);
  assert.is(
    nn.evaluate(() => add(nn, outside, sum(x)).item),
    2 * outside.item,
  );
});

test("evaluating asks for no gradient, of an operation or a loss", () => {
  const x = nn.parameter(numbers, sizes);
  const wanted = nn.evaluate(() => {
    const found: unknown[] = [];
    loss(nn, times(x, x), (dx) => found.push(dx));
    return found;
  });
  assert.equal(wanted, [undefined]);
});

test("a gradient of a loss of one's own begins as zeros, as those of an operation do", () => {
  const p = nn.parameter(Float32Array.of(1, 2, 3), [3]);
  for (let n = 0; n < 3; n++) {
    const ones = (dx: Tensor | undefined) =>
      dx?.data.forEach((_, i, data) => {
        data[i]! += 1;
      });
    nn.step(() =>
      loss(nn, activation(nn, p, "silu"), (dx) => {
        ones(dx);
        return 0;
      }),
    );
    const once = p.grad.data[0]! / (n + 1);
    assert.ok(Math.abs(once - 0.927670478) < 1e-6, `${once}`); // d silu(x) / dx at 1
  }
});

test("passes that return a promise are refused", () => {
  const p = nn.parameter(Float32Array.of(1), [1]);
  const promised = { shape: [1], forward: async (y: Tensor) => void y.data.fill(1), backward: () => {} };
  throws(() => nn.evaluate(() => operation(nn, [p], promised)), TypeError, "operation: forward must be synchronous");
  const late = { shape: [1], forward: (y: Tensor) => void y.data.fill(1), backward: async () => {} };
  throws(
    () => nn.step(() => loss(nn, operation(nn, [p], late), () => 0)),
    TypeError,
    "operation: backward must be synchronous",
  );
});

test("wrong shapes, inputs and losses are refused by name", () => {
  const x = nn.parameter(numbers, sizes);
  const made = (inputs: unknown[], shape: number[]) => () =>
    operation(nn, inputs as Value[], { shape, forward: () => {}, backward: () => {} });
  throws(made([x], [-1]), RangeError, "operation: every size of shape", "-1");
  throws(made([x, 7], [1]), TypeError, "operation: inputs[1] must be a value", "7");
  const tensor = "operation: inputs[0] must be a value, got a Tensor: nn.input makes values";
  throws(made([x.tensor], [1]), TypeError, tensor);
  throws(() => loss(nn, 7 as never, () => 1), TypeError, "loss: x must be a value", "7");
  throws(() => loss(nn, x, () => "abc" as never), TypeError, "loss: compute must return a number", "abc");
});

test("inputs and seeds are those of the call, whatever their arrays hold by the time gradients are taken", () => {
  const [a, b] = [nn.parameter(numbers, sizes), nn.parameter(numbers, sizes)];
  const inputs = [a];
  nn.step(() => {
    const y = operation(nn, inputs, {
      shape: sizes,
      forward: (z) => z.set(a.toArray()),
      backward: (dz, [da]) => da?.set(dz.toArray()),
    });
    inputs[0] = b;
    return sum(y);
  });
  assert.equal(a.grad.toArray(), new Float32Array(12).fill(1));
  assert.ok(b.fresh);
  const dropped = (seed: ArrayLike<number>, change: () => void) => {
    const x = nn.parameter(new Float32Array(256).fill(1), [256]);
    let forward: Float32Array = new Float32Array(0);
    nn.step(() => {
      const y = dropout(nn, x, 0.5, seed);
      forward = y.toArray();
      change();
      return sum(y);
    });
    assert.equal(x.grad.toArray(), forward);
    return forward;
  };
  const seed = [1, 2];
  const want = dropped(seed, () => seed.fill(7));
  assert.equal(
    dropped({ 0: 1, 1: 2, length: 2 }, () => {}),
    want,
  );
});

test("what is no operation, one that is called without its instance, and options that it does not take are refused by name", () => {
  throws(
    () => operation(nn, 3 as never, { shape: sizes } as never),
    TypeError,
    "operation: inputs must be an array, got 3",
  );
  const x = nn.input(numbers, sizes);
  const loose = operation as unknown as (nn: unknown, inputs: unknown, passes?: unknown) => Value;
  throws(() => loose(nn, [x]), TypeError, "operation: shape must be an array of sizes, got undefined");
  throws(() => loose([x], { shape: sizes }), TypeError, "operation: nn must be an instance of laser-attention/nn");
  const forward = () => {};
  throws(() => loose(nn, [x], { shape: sizes, forward: 3 }), TypeError, "operation: forward must be a function, got 3");
  throws(() => loose(nn, [x], { shape: sizes, forward }), TypeError, "operation: backward must be a function");
  throws(() => loss(nn, x, undefined as never), TypeError, "loss: compute must be a function, got undefined");
  const forgotten = add as unknown as (x: Value, y: Value) => Value;
  throws(() => forgotten(x, x), TypeError, "add: nn must be an instance of laser-attention/nn, got a Value");
  const [none, random] = [undefined as never, new Random(1)];
  const weight = nn.parameter(new Float32Array(4), [1, 4]);
  for (const [name, call] of Object.entries({
    activation: () => activation(none, x, "silu"),
    linear: () => linear(none, x, weight),
    ctcLoss: () => ctcLoss(none, x, [[1]], [1]),
    Linear: () => new Linear(none, random, 4, 4),
    RmsNorm: () => new RmsNorm(none, 4),
    Embedding: () => new Embedding(none, random, 4, 4),
  })) {
    throws(call, TypeError, `${name}: nn must be an instance of laser-attention/nn, got undefined`);
  }
  const headless = attention as unknown as (...given: unknown[]) => Value;
  const variant = { variant: "laser" };
  throws(() => headless(nn, x, x, x, variant), TypeError, "attention: heads must be a number, got an Object");
  throws(() => headless(x, x, x, 2, variant), TypeError, "attention: nn must be an instance of laser-attention/nn");
  const looked = embedding as unknown as (...given: unknown[]) => Value;
  throws(() => looked([0], [1], x), TypeError, "embedding: nn must be an instance of laser-attention/nn, got [0]");
  const qkv = nn.input(numbers, [1, 1, 12]);
  const options = { variant: "laser", out: qkv.tensor } as const;
  throws(() => selfAttention(nn, qkv, 1, options), TypeError, "selfAttention: options must not have out");
  selfAttention(nn, qkv, 1, { variant: "laser", layout: undefined } as never);
  const layer = new SelfAttention(nn, random, 4, 1);
  const some = () => layer.forward(nn.input(numbers, [1, 3, 4]), options, { rows: [0] });
  throws(some, TypeError, "selfAttention: options must not have out");
  const cache = new AttentionCache(nn, 1, 4, 4);
  const cached = () => cachedAttention(nn, qkv, 1, cache, { variant: "laser", layout: "BHND" } as never);
  throws(cached, TypeError, "cachedAttention: options must not have layout");
  assert.is(cache.length, 0);
});

test.run();
