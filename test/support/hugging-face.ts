/** Made-up files of GPT-2, ViT and BERT by the names and layouts of transformers, and their results in float64 (by its modeling_*.py). */
import { Random } from "../../src/nn/index.js";
import { acts, crossEntropy, norm } from "./nn-oracle.js";
import { type Numbers, oracleRow } from "./oracle.js";

export interface Tensor {
  shape: readonly number[];
  data: Numbers;
}
export type Tensors = ReadonlyMap<string, Tensor>;
export type File = Map<string, { shape: number[]; data: Float32Array }>;
type Rows = number[][];

export const GPT2 = { vocabulary: 23, context: 9, width: 16, heads: 4, layers: 2 };
export const VIT = { side: 12, patch: 4, classes: 5, width: 16, heads: 4, layers: 2 };

/** What matters of config.json. */
export const gpt2Json = {
  ...{ vocab_size: 23, n_positions: 9, n_embd: 16, n_head: 4, n_layer: 2 },
  ...{ activation_function: "gelu_new", layer_norm_epsilon: 1e-5 },
};
export const bertJson = {
  model_type: "bert",
  vocab_size: 23,
  max_position_embeddings: 9,
  type_vocab_size: 2,
  hidden_size: 16,
  intermediate_size: 24,
  num_attention_heads: 4,
  num_hidden_layers: 2,
  hidden_act: "gelu",
  layer_norm_eps: 1e-12,
};
export const vitJson = {
  ...{ image_size: 12, patch_size: 4, hidden_size: 16, num_attention_heads: 4, num_hidden_layers: 2 },
  ...{ hidden_act: "gelu", layer_norm_eps: 1e-12 },
};

/** Norms around 1, everything else of `deviations` by name, else 0.2. */
function made(seed: number, shapes: Record<string, number[]>, deviations: Record<string, number>): File {
  const random = new Random(seed);
  const entries = Object.entries(shapes).map(([name, shape]) => {
    const size = shape.reduce((product, n) => product * n, 1);
    const scale = /(ln_|layernorm).*weight/i.test(name) ? random.normals(size, 0.1).map((x) => 1 + x) : undefined;
    return [name, { shape, data: scale ?? random.normals(size, deviations[name] ?? 0.2) }] as const;
  });
  return new Map(entries);
}

/** The weights and biases of `layers`, [outputs, inputs] each, or the other way round. */
const layer = (name: string, outputs: number, inputs: number, turned = false) => ({
  [`${name}.weight`]: turned ? [inputs, outputs] : [outputs, inputs],
  [`${name}.bias`]: [outputs],
});
const normOf = (name: string, D: number) => ({ [`${name}.weight`]: [D], [`${name}.bias`]: [D] });

/** As GPT2LMHeadModel has it, with the masks that old files have, but for the prefix `transformer.`. */
export function gpt2File(seed: number): File {
  const { vocabulary, context, width: D, layers } = GPT2;
  const shapes: Record<string, number[]> = { "wte.weight": [vocabulary, D], "wpe.weight": [context, D] };
  for (let n = 0; n < layers; n++) {
    const at = `h.${n}.`;
    Object.assign(shapes, normOf(`${at}ln_1`, D), layer(`${at}attn.c_attn`, 3 * D, D, true));
    Object.assign(shapes, { [`${at}attn.bias`]: [1, 1, context, context], [`${at}attn.masked_bias`]: [] });
    Object.assign(shapes, layer(`${at}attn.c_proj`, D, D, true), normOf(`${at}ln_2`, D));
    Object.assign(shapes, layer(`${at}mlp.c_fc`, 4 * D, D, true), layer(`${at}mlp.c_proj`, D, 4 * D, true));
  }
  return made(seed, { ...shapes, ...normOf("ln_f", D) }, {});
}

/** As ViTForImageClassification has it. Its first norms see small numbers: an eps of 1e-5 would show. */
export function vitFile(seed: number): File {
  const { side, patch, classes, width: D, layers } = VIT;
  const first = "vit.embeddings.";
  const shapes: Record<string, number[]> = {
    [`${first}cls_token`]: [1, 1, D],
    [`${first}position_embeddings`]: [1, (side / patch) ** 2 + 1, D],
    [`${first}patch_embeddings.projection.weight`]: [D, 3, patch, patch],
    [`${first}patch_embeddings.projection.bias`]: [D],
  };
  const deviations = Object.fromEntries(Object.keys(shapes).map((name) => [name, 0.01]));
  for (let n = 0; n < layers; n++) {
    const at = `vit.encoder.layer.${n}.`;
    for (const part of ["query", "key", "value"])
      Object.assign(shapes, layer(`${at}attention.attention.${part}`, D, D));
    Object.assign(shapes, layer(`${at}attention.output.dense`, D, D), layer(`${at}intermediate.dense`, 4 * D, D));
    Object.assign(shapes, layer(`${at}output.dense`, D, 4 * D));
    Object.assign(shapes, normOf(`${at}layernorm_before`, D), normOf(`${at}layernorm_after`, D));
  }
  Object.assign(shapes, normOf("vit.layernorm", D), layer("classifier", classes, D));
  return made(seed, shapes, deviations);
}

/** As BertModel has it. */
export function bertFile(seed: number): File {
  const { hidden_size: D, intermediate_size: hidden } = bertJson;
  const shapes: Record<string, number[]> = {
    "embeddings.word_embeddings.weight": [bertJson.vocab_size, D],
    "embeddings.position_embeddings.weight": [bertJson.max_position_embeddings, D],
    "embeddings.token_type_embeddings.weight": [bertJson.type_vocab_size, D],
    ...normOf("embeddings.LayerNorm", D),
  };
  for (let n = 0; n < bertJson.num_hidden_layers; n++) {
    const at = `encoder.layer.${n}.`;
    for (const part of ["query", "key", "value"]) Object.assign(shapes, layer(`${at}attention.self.${part}`, D, D));
    Object.assign(shapes, layer(`${at}attention.output.dense`, D, D), normOf(`${at}attention.output.LayerNorm`, D));
    Object.assign(shapes, layer(`${at}intermediate.dense`, hidden, D), layer(`${at}output.dense`, D, hidden));
    Object.assign(shapes, normOf(`${at}output.LayerNorm`, D));
  }
  return made(seed, { ...shapes, ...layer("pooler.dense", D, D) }, {});
}

const dataOf = (tensors: Tensors, name: string): Numbers => tensors.get(name)!.data;
const plus = (x: Rows, y: Rows): Rows => x.map((row, r) => row.map((value, j) => value + y[r]![j]!));

/** A linear layer, of weights [N, K]; of a Conv1D, `turned`, [K, N]. */
function dense(tensors: Tensors, name: string, x: Rows, turned = false): Rows {
  const [weight, bias] = [dataOf(tensors, `${name}.weight`), Array.from(dataOf(tensors, `${name}.bias`))];
  const at = (k: number, n: number, K: number) => weight[turned ? k * bias.length + n : n * K + k]!;
  return x.map((row) => bias.map((b, n) => row.reduce((sum, value, k) => sum + value * at(k, n, row.length), b)));
}

const layerNorm = (tensors: Tensors, name: string, x: Rows, eps: number): Rows =>
  x.map((row) => norm(row, dataOf(tensors, `${name}.weight`), dataOf(tensors, `${name}.bias`), eps));

function attend([q, k, v]: [Rows, Rows, Rows], heads: number, causal: boolean): Rows {
  const [N, D] = [q.length, q[0]!.length / heads];
  const inHeads = (x: Rows) => Array.from({ length: heads }, (_, h) => x.map((row) => row.slice(h * D, (h + 1) * D)));
  const [qs, ks, vs] = [q, k, v].map((x) => inHeads(x).flat(2)) as [number[], number[], number[]];
  const sizes = { B: 1, H: heads, Hkv: heads, N, M: N, D, E: D };
  const call = { ...sizes, q: qs, k: ks, v: vs, dout: [], variant: "standard", causal } as const;
  return q.map((_, i) => Array.from({ length: heads }, (_, h) => [...oracleRow(call, 0, h, i).out]).flat());
}

/** Scores of one row of ids, [N, V]. */
export function gpt2Logits(tensors: Tensors, ids: readonly number[]): Rows {
  const { width: D, heads, layers } = GPT2;
  const [table, places] = [dataOf(tensors, "wte.weight"), dataOf(tensors, "wpe.weight")];
  const channels = Array.from({ length: D }, (_, j) => j);
  let x = ids.map((id, n) => channels.map((j) => table[id * D + j]! + places[n * D + j]!));
  for (let n = 0; n < layers; n++) {
    const at = `h.${n}.`;
    const qkv = dense(tensors, `${at}attn.c_attn`, layerNorm(tensors, `${at}ln_1`, x, 1e-5), true);
    const parts = [0, D, 2 * D].map((from) => qkv.map((row) => row.slice(from, from + D))) as [Rows, Rows, Rows];
    x = plus(x, dense(tensors, `${at}attn.c_proj`, attend(parts, heads, true), true));
    const hidden = dense(tensors, `${at}mlp.c_fc`, layerNorm(tensors, `${at}ln_2`, x, 1e-5), true);
    x = plus(
      x,
      dense(
        tensors,
        `${at}mlp.c_proj`,
        hidden.map((row) => row.map(acts[1])),
        true,
      ),
    );
  }
  const bias = { shape: [], data: new Float64Array(GPT2.vocabulary) };
  const tied = new Map([...tensors, ["head.weight", tensors.get("wte.weight")!], ["head.bias", bias]]);
  return dense(tied, "head", layerNorm(tensors, "ln_f", x, 1e-5));
}

/** Mean over the targets of all rows, as labels of transformers: those of -100 do not count. */
export function gpt2Loss(tensors: Tensors, ids: readonly number[][], labels: readonly number[][]): number {
  const losses = ids.flatMap((row, b) => [
    ...crossEntropy(gpt2Logits(tensors, row).flat(), labels[b]!, GPT2.vocabulary),
  ]);
  return losses.reduce((sum, loss) => sum + loss, 0) / labels.flat().filter((label) => label !== -100).length;
}

export const HALF = { image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] };

/** Scores of the classes of one image, bytes of [3, side, side], by what preprocessor_config.json says. */
export function vitLogits(tensors: Tensors, pixels: Uint8Array, { image_mean: mean, image_std: std } = HALF): number[] {
  const { side, patch, width: D, heads, layers } = VIT;
  const first = "vit.embeddings.";
  const weight = dataOf(tensors, `${first}patch_embeddings.projection.weight`);
  const bias = dataOf(tensors, `${first}patch_embeddings.projection.bias`);
  const places = dataOf(tensors, `${first}position_embeddings`);
  const perSide = side / patch;
  const pixel = (c: number, y: number, x: number) => (pixels[(c * side + y) * side + x]! / 255 - mean[c]!) / std[c]!;
  /** Output channel j of the convolution at patch n. */
  const convolved = (n: number, j: number): number => {
    const [top, left] = [Math.floor(n / perSide) * patch, (n % perSide) * patch];
    let sum = bias[j]!;
    for (let c = 0; c < 3; c++)
      for (let y = 0; y < patch; y++)
        for (let x = 0; x < patch; x++)
          sum += weight[((j * 3 + c) * patch + y) * patch + x]! * pixel(c, top + y, left + x);
    return sum;
  };
  const channels = Array.from({ length: D }, (_, j) => j);
  const patches = Array.from({ length: perSide ** 2 }, (_, n) => channels.map((j) => convolved(n, j)));
  const tokens = [Array.from(dataOf(tensors, `${first}cls_token`)), ...patches];
  let x = tokens.map((row, n) => row.map((value, j) => value + places[n * D + j]!));
  for (let n = 0; n < layers; n++) {
    const at = `vit.encoder.layer.${n}.`;
    const y = layerNorm(tensors, `${at}layernorm_before`, x, 1e-12);
    const parts = ["query", "key", "value"].map((part) => dense(tensors, `${at}attention.attention.${part}`, y));
    x = plus(x, dense(tensors, `${at}attention.output.dense`, attend(parts as [Rows, Rows, Rows], heads, false)));
    const hidden = dense(tensors, `${at}intermediate.dense`, layerNorm(tensors, `${at}layernorm_after`, x, 1e-12));
    x = plus(
      x,
      dense(
        tensors,
        `${at}output.dense`,
        hidden.map((row) => row.map(acts[2])),
      ),
    );
  }
  return dense(tensors, "classifier", layerNorm(tensors, "vit.layernorm", [x[0]!], 1e-12))[0]!;
}

/** What BertModel makes of one row, [N, D]. */
export function bertVectors(tensors: Tensors, ids: readonly number[], types: readonly number[]): Rows {
  const first = "embeddings.";
  const table = (name: string) => dataOf(tensors, `${first}${name}_embeddings.weight`);
  const [words, places, kinds] = [table("word"), table("position"), table("token_type")];
  const { hidden_size: D, num_attention_heads: heads, layer_norm_eps: eps } = bertJson;
  const channels = Array.from({ length: D }, (_, j) => j);
  const sums = ids.map((id, n) =>
    channels.map((j) => words[id * D + j]! + places[n * D + j]! + kinds[types[n]! * D + j]!),
  );
  let x = layerNorm(tensors, `${first}LayerNorm`, sums, eps);
  for (let n = 0; n < bertJson.num_hidden_layers; n++) {
    const at = `encoder.layer.${n}.`;
    const parts = ["query", "key", "value"].map((part) => dense(tensors, `${at}attention.self.${part}`, x));
    const seen = dense(tensors, `${at}attention.output.dense`, attend(parts as [Rows, Rows, Rows], heads, false));
    x = layerNorm(tensors, `${at}attention.output.LayerNorm`, plus(x, seen), eps);
    const hidden = dense(tensors, `${at}intermediate.dense`, x).map((row) => row.map(acts[2]));
    x = layerNorm(tensors, `${at}output.LayerNorm`, plus(x, dense(tensors, `${at}output.dense`, hidden)), eps);
  }
  return x;
}
