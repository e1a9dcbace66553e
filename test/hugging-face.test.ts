/** docs/hugging-face.md: its code as it stands there, on made-up files of GPT-2 and ViT, against float64. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gpt, patchesOf, vit } from "../src/models/index.js";
import { AdamW, Random, writeSafetensors } from "../src/nn/index.js";
import * as theirs from "./support/hugging-face.js";
import {
  ALLOWED,
  error,
  type File,
  file,
  gpt2,
  ids,
  labels,
  page,
  scores,
  targets,
  using,
} from "./support/hugging-face-page.js";
import { throws } from "./support/throws.js";

const { gpt2Json, vitJson } = theirs;
const logitsOf = (tensors: theirs.Tensors) => ids.flatMap((row) => theirs.gpt2Logits(tensors, row).flat());

test("a file of GPT-2 has its logits, from one file or shards, with a prefix or without, in F32 or BF16", () => {
  const prefixed = [...file].map(([name, tensor]) => [`transformer.${name}`, tensor] as const);
  const head = ["lm_head.weight", file.get("wte.weight")!] as const;
  const shards = [prefixed.slice(9), [...prefixed.slice(0, 9), head]].map((part) => writeSafetensors(new Map(part)));
  const half = page.tensorsOf(writeSafetensors(file, { dtype: "BF16" }));
  const cases: [string, File, number[]][] = [
    ["one", page.tensorsOf(writeSafetensors(file)), logitsOf(file)],
    ["shards", page.tensorsOf(...shards), logitsOf(file)],
    ["half", half, logitsOf(half)],
  ];
  assert.ok(error(cases[2]![2], cases[0]![2]) > 1e-4);
  for (const [name, tensors, want] of cases) {
    using((nn) => {
      const model = page.gpt2(nn, tensors, gpt2Json);
      const got = error(scores(nn, model), want);
      assert.ok(got < ALLOWED, `${name}: ${got}`);
      // The comparison can fail.
      for (const other of [{ variant: "laser" }, { activation: "gelu-erf" }] as const) {
        const wrong = gpt(nn, { ...model.config, ...other });
        wrong.loadStateDict(page.fromGpt2(tensors));
        assert.ok(error(scores(nn, wrong), want) > 10 * ALLOWED);
      }
    });
  }
});

test("activations have the names of transformers, and others are refused", () =>
  using((nn) => {
    const named = (activation_function: string) => page.gpt2(nn, file, { ...gpt2Json, activation_function });
    for (const [name, activation] of [
      ["gelu_new", "gelu"],
      ["gelu_pytorch_tanh", "gelu"],
      ["gelu", "gelu-erf"],
      ["silu", "silu"],
      ["swish", "silu"],
      ["relu", "relu"],
    ] as const) {
      assert.is(named(name).config.activation, activation);
    }
    throws(() => named("quick_gelu"), TypeError, 'got "quick_gelu"');
    for (const other of [
      { tie_word_embeddings: false },
      { scale_attn_weights: false },
      { scale_attn_by_inverse_layer_idx: true },
    ]) {
      throws(() => page.gpt2(nn, file, { ...gpt2Json, ...other }), RangeError, "gpt2: a head of its own");
    }
  }));

test("the head is the table: one parameter, whose gradient is that of both, and training keeps it so", () =>
  using((nn) => {
    const model = gpt2(nn);
    const loss = nn.step(() => model.loss(ids, targets));
    assert.ok(Math.abs(loss / theirs.gpt2Loss(file, ids, labels) - 1) < ALLOWED);
    // Along the gradient the loss rises by its length; central differences leave some 1e-9 of that in float64.
    const gradient = model.tok.weight.grad.toArray();
    const length = Math.hypot(...gradient);
    const { shape, data } = file.get("wte.weight")!;
    const [above, below] = [1e-5, -1e-5].map((h) => {
      const moved = { shape, data: Float64Array.from(data, (x, n) => x + (h / length) * gradient[n]!) };
      return theirs.gpt2Loss(new Map<string, theirs.Tensor>([...file, ["wte.weight", moved]]), ids, labels);
    }) as [number, number];
    assert.ok(Math.abs((above - below) / 2e-5 / length - 1) < 1e-6, `${(above - below) / 2e-5} and ${length}`);
    const optimizer = new AdamW(nn, model, { lr: 1e-2 });
    optimizer.step();
    nn.step(() => model.loss(ids, targets));
    optimizer.step();
    const state = model.stateDict();
    assert.not.equal(state.get("tok.weight")!.data, data);
    assert.equal(state.get("head.weight"), state.get("tok.weight"));
    assert.equal(state.get("head.bias")!.data, new Float32Array(theirs.GPT2.vocabulary));
    const trained = logitsOf(page.toGpt2(state));
    assert.ok(error(scores(nn, model), trained) < ALLOWED);
  }));

test("what goes back is the file that was read, without its masks", () => {
  const kept = [...file].filter(([name]) => !/\.attn\.(masked_)?bias$/.test(name));
  assert.is(kept.length, file.size - 2 * theirs.GPT2.layers);
  const back = using((nn) => page.toGpt2(gpt2(nn).stateDict()));
  assert.equal([...back.keys()].sort(), kept.map(([name]) => name).sort());
  for (const [name, tensor] of kept) assert.equal(back.get(name), tensor, name);
  const biased = page.fromGpt2(file);
  biased.get("head.bias")!.data[3] = 1;
  throws(() => page.toGpt2(biased), RangeError, "toGpt2: GPT-2 has no place for head.bias");
});

test("a file of ViT has its logits, with the exact gelu and its eps only; another classifier takes the place of its own", () =>
  using((nn) => {
    const { side, patch } = theirs.VIT;
    const images = theirs.vitFile(2);
    const random = new Random(3);
    const pixels = [0, 1].map(() => Uint8Array.from({ length: 3 * side * side }, () => random.int(256)));
    const patches = patchesOf(Uint8Array.from(pixels.flatMap((image) => [...image])), side, patch);
    const logits = (model: ReturnType<typeof vit>) => nn.evaluate(() => model.logits(patches).toArray());
    const tensors = page.tensorsOf(writeSafetensors(images));
    const want = pixels.flatMap((image) => theirs.vitLogits(images, image));
    const model = page.vitOf(nn, tensors, vitJson);
    const got = error(logits(model), want);
    assert.ok(got < ALLOWED, `${got}`);
    for (const other of [{ variant: "laser" }, { activation: "gelu" }, { eps: undefined }] as const) {
      const wrong = vit(nn, { ...model.config, ...other });
      wrong.loadStateDict(page.fromVit(tensors));
      assert.ok(error(logits(wrong), want) > 10 * ALLOWED, JSON.stringify(other));
    }
    const processor = { image_mean: [0.485, 0.456, 0.406], image_std: [0.229, 0.224, 0.225] };
    const scaled = pixels.flatMap((image) => theirs.vitLogits(images, image, processor));
    assert.ok(error(want, scaled) > 10 * ALLOWED);
    page.prepared(model, processor);
    assert.ok(error(logits(model), scaled) < ALLOWED);
    const nameless = { ...vitJson, hidden_act: undefined };
    throws(() => page.vitOf(nn, tensors, nameless), TypeError, "activation", "undefined");
    // Of ViTModel: no prefix, a pooler, no classifier.
    const bare = [...images].filter(([name]) => name.startsWith("vit."));
    const own = new Map(bare.map(([name, tensor]) => [name.slice("vit.".length), tensor]));
    own.set("pooler.dense.bias", { shape: [16], data: new Float32Array(16) });
    own.set("classifier.weight", { shape: [2, 16], data: random.normals(32) });
    own.set("classifier.bias", { shape: [2], data: random.normals(2) });
    const both = new Map([...images, ...own]);
    const other = pixels.flatMap((image) => theirs.vitLogits(both, image));
    assert.ok(error(logits(page.vitOf(nn, own, vitJson)), other) < ALLOWED);
  }));

test.run();
