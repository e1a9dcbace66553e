/** Values, parameters and losses that are used several times: gradients against central differences. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  activation,
  add,
  addPositions,
  createSync,
  crossEntropy,
  depthwise,
  type Loss,
  layerNorm,
  linear,
  multiply,
  type Nn,
  prepend,
  rmsNorm,
  scale,
  takeRow,
  takeRows,
  type Value,
} from "../src/nn/index.js";
import { checkGradients, ids, Shared, targets, tokens } from "./support/shared.js";

/** Every gradient of `loss` against central differences. */
function check(label: string, loss: (nn: Nn, shared: Shared) => Loss): void {
  const nn = createSync({ threads: 1 });
  const shared = new Shared(nn);
  checkGradients(label, nn, shared, () => loss(nn, shared));
  nn.dispose();
}

test("a value that is added to itself, and one that three operations use, get the sum of their gradients", () => {
  check("x + x", (nn, s) => {
    const x = tokens(nn, s);
    return crossEntropy(
      nn,
      add(nn, x, x),
      targets.map((t) => t % 4),
    );
  });
  check("x + x / 2", (nn, s) => {
    const x = linear(nn, tokens(nn, s), s.square);
    return crossEntropy(nn, add(nn, x, x, -0.5), targets);
  });
  check("three", (nn, s) => {
    const x = layerNorm(nn, tokens(nn, s), s.gamma, s.beta);
    const y = add(nn, add(nn, activation(nn, x, "silu"), x), linear(nn, x, s.square, s.other, { activation: "gelu" }));
    return crossEntropy(nn, add(nn, y, x), targets);
  });
  check("chain", (nn, s) => {
    const x = tokens(nn, s);
    const y = add(nn, x, linear(nn, x, s.square));
    const z = add(nn, y, x);
    return crossEntropy(nn, add(nn, add(nn, z, y), rmsNorm(nn, z, s.gamma)), targets);
  });
});

test("a parameter in several places, with other partners or in both roles, gets the sum too", () => {
  check("one weight, two biases", (nn, s) => {
    const x = layerNorm(nn, tokens(nn, s), s.gamma, s.beta);
    return crossEntropy(nn, layerNorm(nn, linear(nn, x, s.square), s.gamma, s.other), targets);
  });
  check("two weights, one bias", (nn, s) => {
    const x = layerNorm(nn, tokens(nn, s), s.gamma, s.beta);
    return crossEntropy(nn, layerNorm(nn, linear(nn, x, s.square, s.beta), s.other, s.beta), targets);
  });
  check("weight and bias in one", (nn, s) => {
    const x = layerNorm(nn, tokens(nn, s), s.gamma, s.gamma);
    return crossEntropy(nn, layerNorm(nn, linear(nn, x, s.square), s.gamma, s.gamma), targets);
  });
  check("a convolution's bias elsewhere", (nn, s) => {
    const x = depthwise(nn, tokens(nn, s), s.taps, s.beta);
    const y = depthwise(nn, layerNorm(nn, x, s.gamma, s.beta), s.taps, s.other);
    return crossEntropy(nn, y, targets);
  });
  check("the head is the table, the row a bias", (nn, s) => {
    const x = linear(nn, tokens(nn, s), s.square, s.beta);
    const y = takeRow(nn, prepend(nn, s.beta, addPositions(nn, x, s.table, 2)), 1);
    return crossEntropy(nn, linear(nn, y, s.table), [4, 2]);
  });
  check("one row before two values", (nn, s) => {
    const x = tokens(nn, s);
    const y = add(nn, prepend(nn, s.beta, x), prepend(nn, s.beta, activation(nn, x, "silu")));
    return crossEntropy(nn, linear(nn, takeRows(nn, y, [0, 1, 4]), s.table), [4, 2, 1]);
  });
  check("parts of one weight, and all of it", (nn, s) => {
    const x = tokens(nn, s);
    const [some, rest] = [
      linear(nn, x, s.square, s.beta, { activation: "silu", part: [0, 3] }),
      linear(nn, x, s.square, s.beta, { part: [1, 3] }),
    ];
    const both = crossEntropy(
      nn,
      add(nn, some, rest),
      targets.map((target) => target % 3),
    );
    return add(nn, both, crossEntropy(nn, linear(nn, x, s.square), targets), 0.5);
  });
  check("one part of a weight", (nn, s) => {
    const x = linear(nn, tokens(nn, s), s.square, s.other, { part: [0, 2] });
    return crossEntropy(
      nn,
      x,
      targets.map((target) => target % 2),
    );
  });
  check("rows taken twice, of what else is read", (nn, s) => {
    const x = linear(nn, tokens(nn, s), s.square);
    const some = crossEntropy(nn, takeRows(nn, x, [5, 0, 5]), [1, 2, 3]);
    return add(nn, some, crossEntropy(nn, x, targets), 0.5);
  });
});

test("what an operation hands on joins the gradients of others, of values and of parameters", () => {
  for (const kind of ["gelu", "gelu-erf", "silu", "tanh"] as const) {
    const act = (nn: Nn, x: Value): Value => activation(nn, x, kind);
    check(`${kind}(p) + ${kind}(p)`, (nn, s) =>
      crossEntropy(nn, add(nn, act(nn, s.square), act(nn, s.square)), [0, 1, 2, 3]),
    );
    check(`${kind}(x) + ${kind}(x) + x`, (nn, s) => {
      const x = linear(nn, tokens(nn, s), s.square);
      return crossEntropy(nn, add(nn, add(nn, act(nn, x), act(nn, x)), x), targets);
    });
  }
  check("p p", (nn, s) => crossEntropy(nn, multiply(nn, s.square, s.square), [0, 1, 2, 3]));
  check("x y + x", (nn, s) => {
    const x = linear(nn, tokens(nn, s), s.square);
    const y = linear(nn, x, s.square, undefined, { activation: "tanh" });
    return crossEntropy(nn, add(nn, multiply(nn, x, y), x), targets);
  });
  check("two losses of one value", (nn, s) => {
    const x = linear(nn, tokens(nn, s), s.square);
    return add(
      nn,
      crossEntropy(nn, x, targets),
      crossEntropy(
        nn,
        x,
        ids.map((id) => id % 4),
      ),
      0.5,
    );
  });
});

test("a loss and an activation that nobody uses hold no memory while gradients are taken", () => {
  const bytes = (unused: boolean): number => {
    const nn = createSync({ threads: 1 });
    const shared = new Shared(nn);
    const [up, down] = [nn.parameter(new Float32Array(1024), [256, 4]), nn.parameter(new Float32Array(1024), [4, 256])];
    nn.step(() => {
      const y = linear(nn, linear(nn, tokens(nn, shared), up, undefined, { activation: "gelu" }), down);
      const loss = crossEntropy(nn, y, targets);
      if (unused) {
        crossEntropy(nn, y, targets);
        activation(nn, y, "silu");
      }
      return loss;
    });
    const { stepBytes } = nn;
    nn.dispose();
    return stepBytes;
  };
  // The gradient of 256 columns takes more than all that is not used, which is gone by then.
  assert.is(bytes(true), bytes(false));
});

test("losses are added and scaled: the step returns the sum, gradients are those of the sum", () => {
  const parts = (nn: Nn, s: Shared): [Loss, Loss] => [
    crossEntropy(nn, linear(nn, tokens(nn, s), s.square), targets),
    crossEntropy(nn, layerNorm(nn, tokens(nn, s), s.gamma, s.beta), targets),
  ];
  check("a + b / 4", (nn, s) => add(nn, ...parts(nn, s), 0.25));
  check("a + a", (nn, s) => {
    const [a] = parts(nn, s);
    return add(nn, a, a);
  });
  check("3 (a + b)", (nn, s) => scale(nn, add(nn, ...parts(nn, s)), 3));
  check("a scaled value", (nn, s) => crossEntropy(nn, scale(nn, linear(nn, tokens(nn, s), s.square), 2), targets));
  const nn = createSync({ threads: 1 });
  const shared = new Shared(nn);
  const [a, b] = nn.evaluate(() => parts(nn, shared).map(({ item }) => item)) as [number, number];
  assert.is(
    nn.step(() => scale(nn, add(nn, ...parts(nn, shared), 0.25), 3)),
    3 * (a + 0.25 * b),
  );
  // A part that is left out of the sum has no gradient.
  shared.zeroGrad();
  nn.step(() => parts(nn, shared)[1]);
  assert.ok(shared.square.fresh);
  assert.not(shared.gamma.fresh);
  nn.dispose();
});

test.run();
