/** BERT and sentence embeddings of docs/hugging-face.md, on a made-up file, against float64. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { crossEntropy, Linear, maskedMean, type ParameterValues, Random, writeSafetensors } from "../src/nn/index.js";
import { bertFile, bertJson, bertVectors, type Tensor, type Tensors } from "./support/hugging-face.js";
import { ALLOWED, error, type File, page, using } from "./support/hugging-face-page.js";
import { crossEntropy as oracleLoss } from "./support/nn-oracle.js";
import { throws } from "./support/throws.js";

const file = bertFile(4);
const rows = [[3, 1, 4, 1, 5, 9, 2, 6, 22], [7], [0, 7, 12, 20]];
const types = rows.map((row) => row.map((_, n) => Number(n > 1)));
const D = bertJson.hidden_size;

const meanOf = (vectors: number[][]): number[] =>
  vectors[0]!.map((_, j) => vectors.reduce((sum, vector) => sum + vector[j]!, 0) / vectors.length);

test("a file of BERT has its vectors in rows of any lengths, with a prefix, old names and a head of another task or without", () => {
  const old = [...file].map(([name, tensor]) => {
    const before = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
    return [`bert.${before}`, tensor] as const;
  });
  const other: File = new Map<string, ParameterValues>([
    ...old,
    ["cls.predictions.bias", { shape: [23], data: new Float32Array(23) }],
    ["classifier.bias", { shape: [2], data: new Float32Array(2) }],
  ]);
  for (const tensors of [file, other]) {
    using((nn) => {
      const model = page.bertOf(nn, page.tensorsOf(writeSafetensors(tensors)), bertJson);
      const N = rows[0]!.length;
      const vectors = (own?: readonly number[][]) => nn.evaluate(() => model.forward(rows, own)[0].toArray());
      const all = vectors(types);
      for (const [b, row] of rows.entries()) {
        const got = all.subarray(b * N * D, (b * N + row.length) * D);
        const off = error(got, bertVectors(file, row, types[b]!).flat());
        assert.ok(off < ALLOWED, `row ${b}: ${off}`);
      }
      assert.ok(error(vectors(), vectors(rows.map((row) => row.map(() => 0)))) === 0);
      assert.ok(error(vectors(), all) > 10 * ALLOWED); // types count
    });
  }
});

test("sentence embeddings are means of length 1, whatever else is in the batch", () =>
  using((nn) => {
    const model = page.bertOf(nn, file, bertJson);
    const want = rows.map((row) => {
      const zeros = row.map(() => 0);
      const mean = meanOf(bertVectors(file, row, zeros));
      return mean.map((x) => x / Math.hypot(...mean));
    });
    for (const [b, got] of page.embed(nn, model, rows).entries()) assert.ok(error(got, want[b]!) < ALLOWED);
    assert.ok(error(page.embed(nn, model, [rows[1]!])[0]!, want[1]!) < ALLOWED);
  }));

test("a head on the mean: the loss and its gradient are those of float64", () =>
  using((nn) => {
    const bert = page.bertOf(nn, file, bertJson);
    const head = new Linear(nn, new Random(5), D, 2);
    const [weight, bias] = [head.weight, head.bias].map(({ tensor }) => tensor.toArray());
    const loss = nn.step(() => crossEntropy(nn, head.forward(maskedMean(nn, ...bert.forward(rows, types))), [0, 1, 1]));
    const lossOf = (tensors: Tensors): number => {
      const logits = rows.flatMap((row, b) => {
        const mean = meanOf(bertVectors(tensors, row, types[b]!));
        return [0, 1].map((c) => mean.reduce((sum, x, j) => sum + x * weight![c * D + j]!, bias![c]!));
      });
      return oracleLoss(logits, [0, 1, 1], 2).reduce((sum, x) => sum + x / 3, 0);
    };
    assert.ok(Math.abs(loss / lossOf(file) - 1) < ALLOWED);
    // Along the gradient the loss rises by its length; central differences leave some 1e-9 of that in float64.
    const names = {
      "tok.weight": "word_embeddings",
      "pos.weight": "position_embeddings",
      "types.weight": "token_type_embeddings",
    };
    for (const [own, theirs] of Object.entries(names)) {
      const name = `embeddings.${theirs}.weight`;
      const gradient = bert.parameters.get(own)!.grad.toArray();
      const length = Math.hypot(...gradient);
      const [above, below] = [1e-5, -1e-5].map((h) => {
        const { shape, data } = file.get(name)!;
        const moved = { shape, data: Float64Array.from(data, (x, n) => x + (h / length) * gradient[n]!) };
        return lossOf(new Map<string, Tensor>([...file, [name, moved]]));
      }) as [number, number];
      assert.ok(Math.abs((above - below) / 2e-5 / length - 1) < 1e-6, `${own}: ${(above - below) / 2e-5}, ${length}`);
    }
  }));

test("positions that are not absolute, other activations and files of another model are refused", () =>
  using((nn) => {
    const made = (tensors: File, more: object) => () => page.bertOf(nn, tensors, { ...bertJson, ...more });
    throws(
      made(file, { position_embedding_type: "relative_key" }),
      RangeError,
      "absolute positions, got bert, relative_key",
    );
    throws(made(file, { model_type: "xlm-roberta" }), RangeError, "bert: must be of bert", "got xlm-roberta");
    throws(made(file, { hidden_act: "quick_gelu" }), TypeError, 'got "quick_gelu"');
    throws(made(new Map([...file].slice(1)), {}), Error, "tok.weight");
  }));

test.run();
