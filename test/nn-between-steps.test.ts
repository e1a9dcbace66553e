/** What gradients are between steps: of a parameter with no part in the last one, one frozen since, and after a step that threw. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { AdamW, createSync } from "../src/nn/index.js";
import { Pair, pull } from "./support/pair.js";

test("a parameter that had no part in the last step is not counted in the norm, by which gradients are clipped", () => {
  const nn = createSync({ threads: 1 });
  const model = new Pair(nn, 1);
  const optimizer = new AdamW(nn, model, { lr: 0.1 });
  for (const parameter of [model.a, model.b]) {
    pull(nn, parameter);
    assert.is(optimizer.step(), Math.sqrt(3));
  }
  nn.dispose();
});

test("a parameter that is frozen after its gradient was computed stays as it is, decay included, until it is no more", () => {
  const nn = createSync({ threads: 1 });
  const model = new Pair(nn, 1);
  const optimizer = new AdamW(nn, model, { lr: 0.1, weightDecay: 0.5, decays: () => true });
  pull(nn, model.a);
  pull(nn, model.b);
  model.a.requiresGrad = false;
  for (let n = 0; n < 2; n++) {
    optimizer.step();
    assert.equal([...model.a.tensor.data], [1, 1, 1]);
    assert.ok([...model.b.tensor.data].every((x) => x < 1));
    pull(nn, model.b);
  }
  model.a.requiresGrad = true;
  pull(nn, model.a);
  optimizer.step();
  assert.ok([...model.a.tensor.data].every((x) => x < 1));
  nn.dispose();
});

test("a step that throws takes back what it added nothing to: gradients that earlier steps gathered stay", () => {
  const nn = createSync({ threads: 1 });
  const model = new Pair(nn, 1);
  pull(nn, model.a);
  const fails = () => {
    throw new Error("on purpose");
  };
  assert.throws(() => nn.step(fails), /on purpose/);
  assert.equal([...model.a.grad.data], [1, 1, 1]);
  pull(nn, model.a);
  assert.equal([...model.a.grad.data], [2, 2, 2]);
  nn.dispose();
});

test.run();
