/** Tensors and instances in the hands of other code: frameworks that wrap or freeze them, options that do things when they are read. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createSync, type Tensor } from "../src/index.js";
import * as training from "../src/nn/index.js";
import { createSync as createSlim, create as createSlimAsync } from "../src/slim.js";
import { createSync as createThreaded } from "../src/threads.js";
import { checkThreadsOptions } from "../src/threads-options.js";
import { throws } from "./support/throws.js";

const la = createSync();

test("sizes, strides and element type of a tensor can't be changed", () => {
  const x = la.zeros([2, 3]);
  const view = x.narrow(1, 0, 2);
  for (const tensor of [x, view]) {
    for (const name of ["shape", "strides", "dtype"] as const) {
      assert.throws(() => {
        (tensor as unknown as Record<string, unknown>)[name] = [1000];
      }, TypeError);
    }
    assert.throws(() => {
      (tensor.shape as number[])[0] = 1000;
    }, TypeError);
  }
  assert.equal(
    [x.shape, x.strides, view.shape],
    [
      [2, 3],
      [3, 1],
      [2, 2],
    ],
  );
  x.dispose();
  throws(() => x.toArray(), TypeError, "disposed");
});

test("the tensor of a value or a parameter can't be assigned: kernels take it to be contiguous", () => {
  const nn = training.createSync({ threads: 1 });
  const weight = nn.parameter(Float32Array.of(1, 2, 3, 4), [2, 2]);
  const x = nn.input(Float32Array.of(1, 0), [1, 2]);
  const { tensor } = weight;
  for (const value of [weight, x]) {
    for (const other of [tensor.view([2, 2], [1, 2]), nn.la.zeros([1]).view([1000], [0])]) {
      assert.throws(() => {
        (value as { tensor: Tensor }).tensor = other;
      }, TypeError);
      assert.throws(() => Object.assign(value, { tensor: other }), TypeError);
    }
  }
  for (const name of ["grad", "held", "packed"]) {
    assert.throws(() => Object.assign(weight, { [name]: nn.la.zeros([1]) }), TypeError);
  }
  assert.is(weight.tensor, tensor);
  assert.equal(training.linear(nn, x, weight).toArray(), Float32Array.of(1, 3));
  nn.dispose();
});

test("a proxy or an heir of a value is refused by name; a scope keeps the tensors of values that it returns", () => {
  const nn = training.createSync({ threads: 1 });
  const weight = nn.parameter(Float32Array.of(1, 2, 3, 4), [2, 2]);
  const x = nn.input(Float32Array.of(1, 0), [1, 2]);
  for (const fake of [new Proxy(x, {}), Object.create(x)]) {
    throws(
      () => training.activation(nn, fake, "silu"),
      TypeError,
      "activation: x must be a value, got a Value, but none",
    );
  }
  for (const fake of [new Proxy(weight, {}), Object.create(weight)]) {
    throws(
      () => training.linear(nn, x, fake),
      TypeError,
      "linear: weight must be a parameter, got a Parameter, but none",
    );
  }
  throws(
    () =>
      nn.step(
        () =>
          new Proxy(
            training.loss(nn, x, () => 1),
            {},
          ),
      ),
    TypeError,
    "step: forward must return a loss",
  );
  const kept = nn.la.scope(() => ({
    value: training.activation(nn, x, "silu"),
    parameters: [nn.parameter(new Float32Array(1), [1])],
  }));
  assert.is(kept.value.toArray().length, 2);
  assert.is(kept.parameters[0]!.grad.toArray()[0], 0);
  nn.dispose();
});

test("instances and caches have tags, by which Vue leaves them unwrapped; tensors are frozen, which it leaves too", () => {
  const nn = training.createSync({ threads: 1 });
  const tagOf = (value: object) => Object.prototype.toString.call(value);
  assert.is(tagOf(la), "[object LaserAttention]");
  assert.is(tagOf(nn), "[object Nn]");
  assert.is(tagOf(new training.AttentionCache(nn, 1, 2, 4)), "[object AttentionCache]");
  const layer = new training.Linear(nn, new training.Random(1), 2, 2);
  assert.is(tagOf(layer), "[object Module]");
  assert.is(tagOf(new training.AdamW(nn, layer)), "[object AdamW]");
  assert.is(tagOf(la.zeros([1])), "[object Tensor]");
  assert.is(tagOf(layer.weight), "[object Value]");
  assert.ok(Object.isFrozen(la.zeros([1])));
  nn.dispose();
});

test("a proxy or an heir of a tensor is refused by name", () => {
  const x = la.zeros([2]);
  for (const fake of [new Proxy(x, {}), Object.create(x)]) {
    throws(() => la.exp(fake), TypeError, "exp: x must be a tensor, got a Tensor");
  }
  const { used } = la.memory;
  la.scope(() => new Proxy(la.zeros([1000]), {}));
  assert.is(la.memory.used, used);
  const nn = training.createSync({ threads: 1 });
  const random = new training.Random(1);
  throws(
    () => new training.Linear(new Proxy(nn, {}), random, 2, 2),
    TypeError,
    "nn must be an instance of laser-attention/nn",
  );
  nn.dispose();
});

test("instances are made after their classes were frozen, as SES does", () => {
  const nn = training.createSync({ threads: 1 });
  new training.AttentionCache(nn, 1, 2, 4);
  const frozen = [la, nn, la.zeros([1])].map((one) => Object.getPrototypeOf(one) as object);
  const before = frozen.map((prototype) => Object.getOwnPropertyDescriptors(prototype));
  for (const prototype of frozen) Object.freeze(prototype);
  const other = createSync();
  assert.equal(other.exp(other.zeros([2])).toArray(), Float32Array.of(1, 1));
  other.dispose();
  training.createSync({ threads: 1 }).dispose();
  nn.dispose();
  for (const [n, prototype] of frozen.entries()) {
    assert.equal(Reflect.ownKeys(prototype), Reflect.ownKeys(before[n]!));
  }
});

test("an array that says something else of itself is taken as it is, and what only says that it is one is refused", () => {
  la.zeros([4096]).data.fill(1234);
  class Long extends Float32Array {
    override get length(): never {
      return 4096 as never;
    }
    override slice(): never {
      return new Float32Array(4096) as never;
    }
  }
  throws(() => la.tensor(new Long(1), [4096]), RangeError, "tensor: data must have 4096 elements", "got 1");
  assert.equal(la.tensor(new Long(1), [1]).toArray(), new Float32Array(1));
  throws(() => la.zeros([4096]).set(new Long(1)), RangeError, "Tensor.set: array must have 4096 elements", "got 1");
  const x = la.zeros([1, 1, 2, 2]);
  la.attention(x, x, x, { variant: "laser", alibi: new Long(1) });
  const secret = la.tensor(new Float32Array(8).fill(1234), [8]);
  class Elsewhere extends Float32Array {
    override get buffer(): never {
      return secret.data.buffer as never;
    }
    override get byteOffset(): never {
      return secret.ptr as never;
    }
  }
  assert.equal(la.tensor(new Elsewhere(8), [8]).toArray(), new Float32Array(8));
  const fake = { [Symbol.toStringTag]: "Float32Array", length: 4, 0: 1, 1: 1, 2: 1, 3: 1 } as never;
  throws(() => la.tensor(fake, [4]), TypeError, "tensor: data must be a Float32Array or a Uint8Array, got an Object");
  throws(() => la.zeros([4]).set(fake), TypeError, "Tensor.set: array must be a Float32Array, got an Object");
});

test("options are read before the tensors are looked at: a getter that disposes one is refused", () => {
  const make = (): Tensor => la.zeros([1, 1, 4, 4]);
  const disposing = <T extends object>(rest: T, name: string, victim: { dispose(): void }, value: unknown): T =>
    Object.defineProperty({ ...rest }, name, {
      enumerable: true,
      get() {
        victim.dispose();
        make().data.fill(7);
        return value;
      },
    });
  const [a, b] = [make(), make()];
  throws(() => la.matmul(a, b, disposing({}, "transposeA", a, false)), TypeError, "matmul: a is disposed");
  const [q, k, v] = [make(), make(), make()];
  const options = { variant: "laser" } as const;
  throws(() => la.attention(q, k, v, disposing(options, "scale", k, 1)), TypeError, "attention: k is disposed");
  const saved = la.attentionForward(q, v, v, options);
  for (const name of ["into", "needs"]) {
    const dout = make();
    const given = disposing({}, name, dout, {});
    throws(() => la.attentionBackward(dout, saved, given), TypeError, "attentionBackward: dout is disposed");
  }
});

test("kernels may come in a DataView, a worker's address as a TrustedScriptURL; null is no option of threads", async () => {
  const none = new DataView(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0).buffer);
  throws(() => createSlim({ wasm: none }), RangeError, "got a module that is not of this package");
  await createSlimAsync({ wasm: none }).then(
    () => assert.unreachable(),
    ({ message }) => assert.match(message, "not of this package"),
  );
  checkThreadsOptions("create", {
    worker: Object.create(null, { [Symbol.toStringTag]: { value: "TrustedScriptURL" } }),
  });
  throws(() => createThreaded({ simd: null as never }), TypeError, 'simd must be "plain" or "relaxed", got null');
});

test("an instance for training of another copy, and a model without parameters, are refused", () => {
  const nn = training.createSync({ threads: 1 });
  const other = { tape: nn.tape, engine: nn.engine, la: nn.la } as unknown as training.Nn;
  const random = new training.Random(1);
  throws(
    () => new training.Linear(other, random, 2, 2),
    TypeError,
    "nn must be an instance of laser-attention/nn, got one of another copy",
  );
  class Empty extends training.Module {
    readonly family = "empty";
    readonly config = {};
    readonly #hidden = new training.Linear(nn, random, 2, 2);
    forward = (x: training.Value) => this.#hidden.forward(x);
  }
  const words = "model must have parameters, in public properties or arrays of modules, got none";
  throws(() => training.saveCheckpoint(new Empty()), RangeError, `saveCheckpoint: ${words}`);
  throws(() => new training.AdamW(nn, new Empty()), RangeError, `AdamW: ${words}`);
  throws(() => training.saveCheckpoint(null as never), TypeError, "saveCheckpoint: model must be a module, got null");
  nn.dispose();
});

test.run();
