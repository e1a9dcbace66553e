/** docs/nn.md: its code as it stands there, one program; and what it leaves to the reader, used. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Tensor } from "../src/index.js";
import type { Block } from "../src/models/index.js";
import * as models from "../src/models/index.js";
import { attention, type Loss, type Module, multiply, type Nn, Random, type Value } from "../src/nn/index.js";
import { runDocument } from "./support/document.js";

interface Program {
  nn: Nn;
  model: Module;
  rotate(nn: Nn, x: Value, heads: number, cos: ArrayLike<number>, sin: ArrayLike<number>): Value;
  meanSquare(nn: Nn, x: Value, goal: ArrayLike<number>): Loss;
  saliency(nn: Nn, forward: (x: Value) => Value, x: Float32Array, shape: number[], k: number): Float32Array;
  attentionMap(nn: Nn, block: Block, x: Value, heads: number, options: object): Tensor;
}

const names = ["nn", "model", "rotate", "meanSquare", "saliency", "attentionMap"];
const [{ nn, model, ...own }, printed] = await runDocument<Program>("docs/nn.md", 4, names);

test("the program of docs/nn.md learns, and trains its head alone", () => {
  const losses = printed.map(Number);
  assert.is(losses.length, 20);
  assert.ok(losses.at(-1)! < 0.9 * losses[0]!, `${losses}`);
  assert.equal(model.stateDict().get("head.bias")!.data, new Float32Array(3));
});

test("its operations and its loss have their gradients", () => {
  const make = (seed: number, M: number) => nn.parameter(new Random(seed).normals(2 * M * 8), [2, M, 8]);
  const all = [make(1, 3), make(2, 3), make(3, 3), make(4, 3)] as const;
  const [q, k, v, factor] = all;
  const goal = new Random(5).normals(2 * 3 * 8);
  const angles = Array.from(new Random(6).normals(3 * 2));
  const turned = (x: Value) => own.rotate(nn, x, 2, angles.map(Math.cos), angles.map(Math.sin));
  const seen = () => attention(nn, turned(q), turned(k), v, 2, { variant: "laser" });
  const loss = () => own.meanSquare(nn, multiply(nn, seen(), factor), goal);
  nn.step(loss);
  for (const parameter of all) {
    const before = parameter.tensor.toArray();
    const gradient = parameter.grad.toArray();
    const square = gradient.reduce((sum, x) => sum + x * x, 0);
    // Along the gradient the loss changes by 2 h g^2 = 2e-3, of which float32 keeps some 1e-7.
    const h = 1e-3 / square;
    const [above, below] = [h, -h].map((step) => {
      parameter.tensor.set(before.map((x, n) => x + step * gradient[n]!));
      return nn.evaluate(() => loss().item);
    }) as [number, number];
    parameter.tensor.set(before);
    const error = Math.abs((above - below) / (2 * h * square) - 1);
    assert.ok(error < 0.01, `${error}`);
  }
});

const gpt = models.gpt(nn, { vocabulary: 5, context: 7, width: 16, heads: 2, layers: 1, variant: "laser" });
const [block] = gpt.blocks;
const shape = [2, 7, 16];
const seen = new Random(7).normals(2 * 7 * 16);

test("saliency is the gradient of one number of the result, and leaves the model and memory as they were", () => {
  gpt.requiresGrad = false;
  const forward = (x: Value) => gpt.head.forward(block!.forward(x, { variant: "laser", causal: true }));
  for (const k of [0, 1]) own.saliency(nn, forward, seen, shape, k); // steps are noted, then planned
  const { used } = nn.la.memory;
  const k = 5 * 9 + 3; // number 3 of token 2 of row 1
  const gradient = own.saliency(nn, forward, seen, shape, k);
  assert.is(nn.la.memory.used, used);
  const square = gradient.reduce((sum, x) => sum + x * x, 0);
  const h = 1e-2 / Math.sqrt(square);
  const [above, below] = [h, -h].map((step) =>
    nn.evaluate(
      () =>
        forward(
          nn.input(
            seen.map((x, n) => x + step * gradient[n]!),
            shape,
          ),
        ).toArray()[k]!,
    ),
  ) as [number, number];
  // The difference is 2e-2 long, of which float32 keeps some 1e-6, and curvature 1e-4.
  assert.ok(Math.abs((above - below) / (2 * h * square) - 1) < 1e-3, `${(above - below) / (2 * h)}, ${square}`);
  const later = gradient.subarray(16 * 10); // of tokens that the last ones alone see
  assert.ok(later.every((x) => x === 0) && gradient.subarray(0, 16 * 7).every((x) => x === 0));
});

test("an attention map times the values is what attention makes of them, and its rows sum to 1", () => {
  for (const causal of [false, true]) {
    nn.evaluate(() => {
      const x = nn.input(seen, shape);
      const map = own.attentionMap(nn, block!, x, 2, { causal }).toArray();
      const qkv = block!.attn.qkv.forward(block!.ln1.forward(x)).tensor.view([2, 7, 6, 8]);
      const [q, k, v] = [0, 2, 4].map((from) => qkv.narrow(2, from, 2)) as [Tensor, Tensor, Tensor];
      const want = nn.la.attention(q, k, v, { variant: "standard", layout: "BNHD", causal }).toArray();
      const values = v.toArray();
      for (let row = 0; row < 2 * 7 * 2; row++) {
        const [b, h] = [Math.floor(row / 14), row % 2];
        const p = map.subarray(7 * row, 7 * (row + 1));
        assert.ok(Math.abs(p.reduce((sum, one) => sum + one, 0) - 1) < 1e-6);
        for (let d = 0; d < 8; d++) {
          const got = p.reduce((sum, one, j) => sum + one * values[((b * 7 + j) * 2 + h) * 8 + d]!, 0);
          assert.ok(Math.abs(got - want[8 * row + d]!) < 1e-6, `${causal} ${row} ${d}`);
        }
      }
    });
  }
});

test.run();
