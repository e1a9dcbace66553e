/** docs/hugging-face.md: adapters beside frozen weights, and rows of different lengths. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bert, type Gpt, generate, gpt } from "../src/models/index.js";
import { AdamW, type Loss, type Module, type Nn, Random } from "../src/nn/index.js";
import * as theirs from "./support/hugging-face.js";
import {
  type Adapted,
  ALLOWED,
  error,
  file,
  gpt2,
  ids,
  page,
  printed,
  scores,
  targets,
  using,
} from "./support/hugging-face-page.js";

/** 30 steps; the losses. */
const train = (nn: Nn, model: Gpt, optimizer: AdamW): number[] =>
  Array.from({ length: 30 }, () => {
    const loss = nn.step(() => model.loss(ids, targets));
    optimizer.step({ lr: 1e-2 });
    return loss;
  });

test("adapters learn beside weights that stay as they are, bit for bit; merged, the model is a file of theirs", () =>
  using((nn) => {
    const model = gpt2(nn);
    const before = scores(nn, model);
    const optimizer = page.adapt(nn, model, new Random(4), 2);
    assert.equal(scores(nn, model), before);
    const first = model.stateDict();
    const adapters = [...page.adaptersOf(model).keys()];
    const parts = ["0.attn.qkv.down", "0.attn.qkv.up", "1.attn.qkv.down", "1.attn.qkv.up"];
    assert.equal(
      adapters,
      parts.map((part) => `blocks.${part}.weight`),
    );
    const losses = train(nn, model, optimizer);
    assert.ok(losses.at(-1)! < 0.9 * losses[0]!, `${losses}`);
    for (const [name, { data }] of model.stateDict()) {
      const same = adapters.includes(name) ? assert.not.equal : assert.equal;
      same(data, first.get(name)!.data, name);
    }
    const adapted = scores(nn, model);
    assert.ok(error(adapted, before) > 0.01);
    const write = () => [...generate(nn, model, [1, 2], { count: 5, temperature: 0 })];
    const written = write();
    model.pack();
    for (const { attn } of model.blocks) (attn as { qkv: Module }).qkv = (attn.qkv as unknown as Adapted).merged();
    assert.ok(error(scores(nn, model), adapted) < ALLOWED);
    assert.equal(write(), written);
    const back = page.toGpt2(model.stateDict());
    assert.equal([...back.keys()], [...page.toGpt2(page.fromGpt2(file)).keys()]);
    const want = ids.flatMap((row) => theirs.gpt2Logits(back, row).flat());
    assert.ok(error(scores(nn, model), want) < ALLOWED);
  }));

test("an adapter beside fc comes before its activation", () =>
  using((nn) => {
    const model = gpt2(nn);
    const before = scores(nn, model);
    for (const block of model.blocks) {
      (block as { fc: Module }).fc = new page.Adapted(nn, new Random(4), block.fc, 2);
    }
    assert.equal(scores(nn, model), before);
  }));

test("frozen weights have no gradients and no means: that much less memory", () => {
  const used = (frozen: boolean) =>
    using((nn) => {
      const model = gpt2(nn);
      const bytes = 4 * (model.parameterCount - theirs.GPT2.vocabulary); // the head's bias is frozen in any case
      let optimizer = page.adapt(nn, model, new Random(4), 2);
      if (!frozen) {
        optimizer.dispose();
        for (const [name, parameter] of model.parameters) parameter.requiresGrad = name !== "head.bias";
        optimizer = new AdamW(nn, model);
      }
      train(nn, model, optimizer);
      return { all: nn.la.memory.used, bytes };
    });
  const [all, less] = [used(false), used(true)];
  // A gradient and two means of each weight; a step keeps less as well.
  assert.ok(all.all - less.all >= 3 * all.bytes, `${all.all} and ${less.all}`);
});

test("a row among longer ones has the loss and the gradients that it has alone", () =>
  using((nn) => {
    const [long, short] = [
      [3, 1, 4, 1, 5, 9, 2, 6],
      [2, 7, 1],
    ];
    const [none, wanted] = [long!.map(() => -1), [8, -1, 5]];
    const rows = [long!, short!];
    const filled = [long!, [...short!, 0, 0, 0, 0, 0]];
    const goals = [none, [...wanted, -1, -1, -1, -1, -1]];
    const sizes = { vocabulary: 12, context: 8, width: 16, heads: 2, layers: 2, variant: "laser" } as const;
    const model = bert(nn, sizes);
    const gradients = (loss: () => Loss) => {
      model.zeroGrad();
      const value = nn.step(loss);
      return [value, ...[...model.parameters.values()].flatMap(({ grad }) => [...grad.toArray()])];
    };
    const alone = gradients(() => model.loss([short!], [wanted]));
    const masked = gradients(() => page.paddedLoss(nn, model, rows, [none, wanted]));
    assert.ok(error(masked, alone) < ALLOWED, `${error(masked, alone)}`);
    const unmasked = gradients(() => model.loss(filled, goals));
    assert.ok(error(unmasked, alone) > 10 * ALLOWED);
    // A gpt needs no mask.
    const causal = gpt(nn, sizes);
    const one = nn.evaluate(() => causal.loss([short!], [wanted]).item);
    const two = nn.evaluate(() => causal.loss(filled, goals).item);
    assert.ok(Math.abs(two / one - 1) < ALLOWED, `${one} and ${two}`);
    // The page's own rows: the mean over both rows' targets, of which the first has two.
    assert.is(printed.length, 1);
    assert.ok(Number(printed[0]) > 0);
  }));

test.run();
