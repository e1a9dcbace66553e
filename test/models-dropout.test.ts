/** Dropout in the losses of the four families, and in their logits and features. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dropOf } from "../src/models/dropout.js";
import { bert, conformer, gpt, vit } from "../src/models/index.js";
import {
  createSync,
  crossEntropy,
  ctcLoss,
  type Loss,
  type Module,
  type Nn,
  Random,
  scale,
  type Value,
} from "../src/nn/index.js";
import { throws } from "./support/throws.js";

type Dropout = { dropout?: number; seed?: number };
interface Case {
  model: Module & { readonly blocks: readonly Module[] };
  loss(options?: Dropout): Loss;
  /** The same from what the head reads. */
  again(options?: Dropout): Loss;
}

const sizes = { width: 16, heads: 2, layers: 2, variant: "laser" } as const;
const ids = [
  [1, 2, 3, 4, 5],
  [5, 4, 3, 2, 1],
];
const [hidden, images, speech] = [
  ids.map((row) => row.map((id, n) => (n % 2 === 0 ? id : -1))),
  new Random(1).normals(2 * 4 * 48),
  new Random(2).normals(2 * 12 * 8),
];

const families: Record<string, (nn: Nn) => Case> = {
  gpt(nn) {
    const model = gpt(nn, { ...sizes, vocabulary: 7, context: 5 });
    const again = (options?: Dropout) => crossEntropy(nn, model.logits(ids, undefined, options), ids.flat());
    return { model, loss: (options) => model.loss(ids, ids, options), again };
  },
  bert(nn) {
    const model = bert(nn, { ...sizes, vocabulary: 7, context: 5 });
    const places = hidden.flat().flatMap((id, n) => (id === -1 ? [] : [n]));
    const targets = hidden.flat().filter((id) => id !== -1);
    const again = (options?: Dropout) =>
      crossEntropy(nn, model.head.forward(model.features(ids, places, options)), targets);
    return { model, loss: (options) => model.loss(ids, hidden, options), again };
  },
  vit(nn) {
    const model = vit(nn, { ...sizes, side: 8, patch: 4, classes: 3 });
    const again = (options?: Dropout) => crossEntropy(nn, model.logits(images, options), [0, 2]);
    return { model, loss: (options) => model.loss(images, [0, 2], options), again };
  },
  conformer(nn) {
    const model = conformer(nn, { ...sizes, mels: 8, stack: 2, context: 6, classes: 4, kernel: 3 });
    const again = (options?: Dropout) => ctcLoss(nn, model.logits(speech, [12, 10], options), [[1, 2], [3]], [6, 5]);
    return { model, loss: (options) => model.loss(speech, [12, 10], [[1, 2], [3]], options), again };
  },
};

/** The loss of one step, and all gradients. */
function stepOf(nn: Nn, { model, loss }: Case, options?: Dropout): { value: number; gradients: number[] } {
  model.zeroGrad();
  const value = nn.step(() => loss(options));
  return { value, gradients: [...model.parameters.values()].flatMap(({ grad }) => [...grad.data]) };
}

for (const [name, make] of Object.entries(families)) {
  test(`${name}: a seed gives one loss and one gradient, from what the head reads too, another seed others; 0 and evaluation mode drop nothing`, () => {
    const nn = createSync({ threads: 1 });
    const other = createSync({ threads: 2 });
    const [one, two] = [make(nn), make(other)];
    const none = stepOf(nn, one);
    const dropped = stepOf(nn, one, { dropout: 0.2, seed: 3 });
    assert.equal(stepOf(nn, one, { dropout: 0.2, seed: 3 }), dropped);
    assert.equal(stepOf(other, two, { dropout: 0.2, seed: 3 }), dropped);
    assert.is.not(dropped.value, none.value);
    assert.is.not(stepOf(nn, one, { dropout: 0.2, seed: 4 }).value, dropped.value);
    for (const options of [{}, { dropout: 0 }, { dropout: 0, seed: 3 }, { seed: 3 }]) {
      assert.equal(stepOf(nn, one, options), none);
    }
    assert.equal(stepOf(nn, { ...one, loss: one.again }, { dropout: 0.2, seed: 3 }), dropped);
    assert.equal(stepOf(nn, { ...one, loss: one.again }), none);
    one.model.eval();
    assert.equal(stepOf(nn, one, { dropout: 0.2, seed: 3 }), none);
    one.model.train();
    assert.equal(stepOf(nn, one, { dropout: 0.2, seed: 3 }), dropped);
    for (const each of [nn, other]) each.dispose();
  });

  test(`${name}: what the first block reads are the embeddings, of which some elements are dropped and the others scaled up`, () => {
    const nn = createSync({ threads: 1 });
    const { model, loss } = make(nn);
    const block = model.blocks[0] as unknown as { forward(x: Value, ...rest: unknown[]): Value };
    const forward = block.forward.bind(block);
    let read: number[] = [];
    block.forward = (x, ...rest) => {
      read = [...x.toArray()];
      return forward(x, ...rest);
    };
    const of = (options?: Dropout): number[] => {
      nn.evaluate(() => loss(options).item);
      return read;
    };
    const [whole, dropped] = [of(), of({ dropout: 0.5, seed: 3 })];
    const twice = whole.map((x, n) => (dropped[n] === 0 ? 0 : 2 * x));
    assert.equal(dropped, twice);
    assert.ok(dropped.includes(0) && dropped.some((x) => x !== 0));
    nn.dispose();
  });

  test(`${name}: gradients with dropout are those of the loss with the same mask`, () => {
    const nn = createSync({ threads: 1 });
    const one = make(nn);
    const options = { dropout: 0.3, seed: 11 };
    const compared = new Set<string>();
    for (const [path, parameter] of one.model.parameters) {
      one.model.zeroGrad();
      nn.step(() => one.loss(options));
      const gradient = Float64Array.from(parameter.grad.data);
      const square = gradient.reduce((sum, x) => sum + x * x, 0);
      if (square < 1e-4) continue; // steps along it would be too long
      compared.add(path.split(".").slice(0, 2).join("."));
      const before = parameter.tensor.toArray();
      // Along the gradient, the loss changes by 2 h g^2 = 1e-3 here, and it is rounded to some 3e-7, at a size of 2 and more.
      const h = 5e-4 / square;
      const [above, below] = [h, -h].map((step) => {
        parameter.tensor.set(before.map((x, n) => x + step * gradient[n]!));
        return nn.evaluate(() => one.loss(options).item);
      }) as [number, number];
      parameter.tensor.set(before);
      const error = Math.abs((above - below) / (2 * h * square) - 1);
      assert.ok(error < 0.02, `${path}: ${error}`);
    }
    for (const part of ["blocks.0", "blocks.1", "head.weight"]) assert.ok(compared.has(part), part);
    nn.dispose();
  });
}

test("a block hands what it is about to add to drop, rows alone where they are asked for", () => {
  const nn = createSync({ threads: 1 });
  const model = gpt(nn, { ...sizes, vocabulary: 7, context: 5 });
  const seen: number[][] = [];
  nn.evaluate(() => {
    const x = nn.input(new Float32Array(2 * 5 * 16).fill(1), [2, 5, 16]);
    const drop = (part: Value) => {
      seen.push(part.shape as number[]);
      return scale(nn, part, 0);
    };
    const [block] = model.blocks;
    const y = block!.forward(x, { variant: "laser" }, { drop });
    assert.equal(y.toArray(), x.toArray()); // nothing was added
    assert.equal(block!.forward(x, { variant: "laser" }, { drop, rows: [0, 7] }).shape, [2, 16]);
  });
  assert.equal(seen, [
    [2, 5, 16],
    [2, 5, 16],
    [2, 16],
    [2, 16],
  ]);
  nn.dispose();
});

test("a block of a Conformer hands all four parts to drop", () => {
  const nn = createSync({ threads: 1 });
  const model = conformer(nn, { ...sizes, mels: 8, stack: 2, context: 6, classes: 4, kernel: 3 });
  const [block] = model.blocks;
  const keep = nn.la.tensor(new Uint8Array(12).fill(1), [2, 6]);
  const x = nn.input(new Random(3).normals(2 * 6 * 16), [2, 6, 16]);
  let parts = 0;
  nn.evaluate(() => {
    const drop = (part: Value) => {
      parts++;
      return scale(nn, part, 0);
    };
    const y = block!.forward(x, keep, "laser", { drop }); // nothing is added: the norm at the end is all
    assert.equal(y.toArray(), block!.ln.forward(x).toArray());
    throws(
      () => block!.forward(x, keep, "laser", { rows: [0] } as never),
      TypeError,
      "block: options must be among drop",
    );
    throws(() => block!.forward(x, keep, "laser", { drop: 1 } as never), TypeError, "block: drop must be a function");
  });
  assert.is(parts, 4);
  nn.dispose();
});

test("the parts of a pass have masks of their own, which only seed and order decide", () => {
  const nn = createSync({ threads: 1 });
  const { model } = families.gpt!(nn);
  nn.evaluate(() => {
    const x = nn.input(new Float32Array(4096).fill(1), [64, 64]);
    const masks = [1, 1, 2].map((seed) => {
      const drop = dropOf("test", nn, model, { dropout: 0.25, seed });
      return [1, 2].map(() => Array.from(drop(x).toArray(), (y) => Number(y !== 0)));
    });
    assert.equal(masks[0], masks[1]);
    const different = [...masks[0]!, ...masks[2]!];
    for (const [n, mask] of different.entries()) {
      for (const other of different.slice(n + 1)) {
        // Of independent ones a share of 0.75^2 + 0.25^2 = 0.625 is alike, +- 0.0076: five deviations.
        const alike = mask.filter((kept, i) => kept === other[i]).length / mask.length;
        assert.ok(Math.abs(alike - 0.625) < 0.038, `${alike}`);
      }
    }
  });
  nn.dispose();
});

test("dropout out of range, without a seed, or with a wrong one is refused by name, and leaves nothing", () => {
  const nn = createSync({ threads: 1 });
  for (const [name, make] of Object.entries(families)) {
    const one = make(nn);
    const { used } = nn.la.memory;
    const refused = (options: unknown, Wrong: typeof TypeError | typeof RangeError, words: string) =>
      throws(() => nn.step(() => one.loss(options as Dropout)), Wrong, words);
    refused({ dropout: 0.1 }, TypeError, `${name}: dropout needs a seed`);
    refused({ dropout: 0.1, seed: -1 }, RangeError, `${name}: seed must be an integer from 0 to 4294967295, got -1`);
    refused({ dropout: 1, seed: 1 }, RangeError, `${name}: dropout must be from 0 to below 1, got 1`);
    refused({ dropout: "0.1", seed: 1 }, TypeError, `${name}: dropout must be a number, got "0.1"`);
    one.model.eval();
    refused({ dropout: -1, seed: 1 }, RangeError, `${name}: dropout must be a finite number of 0 or more, got -1`);
    refused({ dropout: 0, seed: "1" }, TypeError, `${name}: seed must be a number, got "1"`);
    refused({ drop: 0.1 }, TypeError, `${name}: options must be among dropout, seed`);
    refused(null, TypeError, `${name}: options must be an object, got null`);
    assert.is(nn.la.memory.used, used, name);
  }
  nn.dispose();
});

test.run();
