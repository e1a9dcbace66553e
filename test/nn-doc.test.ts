/** docs/nn.md: its code as it stands there, one program; and what it leaves to the reader, used. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { attention, type Loss, type Module, type Nn, Random, type Value } from "../src/nn/index.js";
import { runDocument } from "./support/document.js";

interface Program {
  nn: Nn;
  model: Module;
  multiply(nn: Nn, x: Value, y: Value): Value;
  rotate(nn: Nn, x: Value, heads: number, cos: ArrayLike<number>, sin: ArrayLike<number>): Value;
  meanSquare(nn: Nn, x: Value, goal: ArrayLike<number>): Loss;
}

const names = ["nn", "model", "multiply", "rotate", "meanSquare"];
const [{ nn, model, ...own }, printed] = await runDocument<Program>("docs/nn.md", 3, names);

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
  const loss = () => own.meanSquare(nn, own.multiply(nn, seen(), factor), goal);
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

test.run();
