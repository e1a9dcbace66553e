/** The same for laser-attention/nn and laser-attention/models. */
import type { LaserAttention, Tensor } from "laser-attention";
import type {
  Bert,
  BertConfig,
  Block,
  BlockConfig,
  BlockOptions,
  Conformer,
  ConformerBlock,
  ConformerConfig,
  ConformerLossOptions,
  DropoutOptions,
  Gpt,
  GptConfig,
  ModelConfig,
  ModelSource,
  TokenConfig,
  TokenModel,
  TokenOptions,
  Vit,
  VitConfig,
} from "laser-attention/models";
import {
  bert,
  type Candidate,
  type ClassifyOptions,
  classify,
  conformer,
  distribution,
  draw,
  type Filled,
  type FilledPlace,
  type FillOptions,
  fill,
  type GenerateOptions,
  generate,
  gpt,
  patchesOf,
  restore,
  type SamplingOptions,
  type TranscribeOptions,
  type Transcription,
  transcribe,
  vit,
} from "laser-attention/models";
import type {
  Activation,
  AdamWOptions,
  AdamWState,
  AdamWStepOptions,
  CtcOptions,
  DecayOptions,
  ForwardOptions,
  LinearLayerOptions,
  LinearOptions,
  Loss,
  Nn,
  NormLayerOptions,
  Operation,
  Parameter,
  ParameterValues,
  RandomState,
  Safetensors,
  SafetensorsData,
  SafetensorsInput,
  SafetensorsTensor,
  SafetensorsType,
  Schedule,
  StateDict,
  Value,
  ValueAttentionOptions,
  WriteSafetensorsOptions,
} from "laser-attention/nn";
import {
  AdamW,
  AttentionCache,
  activation,
  add,
  addPositions,
  attention,
  type Checkpoint,
  cachedAttention,
  checkFinite,
  constantRate,
  create,
  createSync,
  crossEntropy,
  ctcLoss,
  Depthwise,
  depthwise,
  dropout,
  Embedding,
  embedding,
  glu,
  type Json,
  LayerNorm,
  Linear,
  layerNorm,
  linear,
  linearDecay,
  loadCheckpoint,
  loss,
  Module,
  maskedMean,
  maskRows,
  multiply,
  operation,
  prepend,
  Random,
  RmsNorm,
  readSafetensors,
  rmsNorm,
  type Saved,
  SelfAttention,
  saveCheckpoint,
  scale,
  selfAttention,
  takeRow,
  takeRows,
  warmupCosine,
  writeSafetensors,
} from "laser-attention/nn";

const nn: Nn = createSync({ threads: 2, simd: "relaxed" });
const later: Promise<Nn> = create();
const la: LaserAttention = nn.la;
const random = new Random(1);
const state: RandomState = random.state;
const drawn: number[] = [random.bits(), random.uniform(), random.int(6), random.normal(), random.truncatedNormal()];
const arrays: Float32Array[] = [random.uniforms(4), random.normals(4, 0.1, 1), random.truncatedNormals(4)];
const order: Int32Array = random.shuffle(random.permutation(4));

const x: Value = nn.input(random.normals(80), [2, 5, 8]);
const keep: Tensor<"u8"> = la.zeros([2, 5], "u8");
const weight: Parameter = nn.parameter(random.normals(64), [8, 8]);
const row: Parameter = nn.parameter(random.normals(8), [8]);
const taps: Parameter = nn.parameter(random.normals(24), [8, 1, 3]);
const kind: Activation = "gelu-erf";
const part: LinearOptions = { activation: kind, part: [0, 4] };
const attends: ValueAttentionOptions = { variant: "laser", causal: true, window: [4, 0] };
const biased: ValueAttentionOptions = { variant: "standard", bias: nn.parameter(new Float32Array(25), [1, 1, 5, 5]) };
const body: Operation = {
  shape: x.shape,
  forward: (y) => y.set(x.toArray()),
  backward: (dy, [dx]) => dx?.set(dy.data),
};
const values: Value[] = [
  add(nn, x, x, 0.5),
  addPositions(nn, x, weight),
  depthwise(nn, x, taps, row),
  dropout(nn, x, 0.1, [1, 2]),
  embedding(nn, [1, 2], [1, 2], weight),
  glu(nn, x),
  layerNorm(nn, x, row, row, 1e-6),
  linear(nn, x, weight),
  linear(nn, x, weight, row, part),
  maskedMean(nn, x, keep),
  maskRows(nn, x, keep),
  multiply(nn, x, x),
  operation(nn, [x], body),
  prepend(nn, row, x),
  rmsNorm(nn, x, row),
  selfAttention(nn, linear(nn, x, weight), 2, attends),
  attention(nn, x, x, x, 2, { ...attends, bias: undefined }),
  attention(nn, x, x, x, 2, biased),
  activation(nn, x, kind),
  takeRow(nn, x, 0),
  takeRows(nn, x, [0, 1]),
];
const ctc: CtcOptions = { blank: 0, zeroInfinity: true };
const losses: Loss[] = [
  crossEntropy(nn, x, new Int32Array(10)),
  ctcLoss(nn, x, [[1], [2]], [5, 4], ctc),
  loss(nn, x, (dx: Tensor | undefined) => dx?.data.length ?? 0),
];

const read: ForwardOptions = { rows: [0], cache: undefined };
const without: LinearLayerOptions = { bias: Math.random() < 0.5 };
const never: LinearLayerOptions<false> = { bias: false };
// @ts-expect-error a layer whose options may be left out is not one without a bias
new Linear(nn, random, 8, 3, Math.random() < 0.5 ? never : {});
const norms: NormLayerOptions = { eps: 1e-12 };
class Own extends Module {
  readonly parts = [new Depthwise(nn, random, 8, 3), new LayerNorm(nn, 8, norms), new RmsNorm(nn, 8)] as const;
  readonly attention = new SelfAttention(nn, random, 8, 2);
  readonly table = new Embedding(nn, random, 10, 8);
  readonly head = new Linear(nn, random, 8, 3);
  readonly bare: Linear<false> = new Linear(nn, random, 8, 3, never);
  readonly likely = new Linear<boolean>(nn, random, 8, 3, Math.random() < 0.5 ? never : {});
  readonly either: Linear<boolean> = new Linear(nn, random, 8, 3, without);

  forward(ids: readonly number[]): Value {
    let y = this.table.add(this.table.forward(ids, [1, ids.length]));
    for (const part of this.parts) y = part.forward(y);
    return this.head.forward(this.attention.forward(y, { variant: "standard" }, read), "silu");
  }
}
const own: Own = new Own().eval().pack().pack(false).train();
const biases: [Parameter, undefined, Parameter | undefined] = [own.head.bias, own.bare.bias, own.either.bias];
own.head.requiresGrad = own.requiresGrad;
for (const bias of biases) if (bias !== undefined) bias.requiresGrad = !bias.requiresGrad;
nn.release();
const counted: number = own.parameterCount + [...own.parameters.values()].length + Number(own.training);

const vision: BlockConfig = { width: 16, heads: 2, layers: 1, variant: "laser", activation: kind, eps: 1e-12 };
const sizes: ModelConfig = { width: 16, heads: 2, layers: 1, variant: "laser", seed: 2 };
const configs: [GptConfig, BertConfig, VitConfig, ConformerConfig] = [
  { ...sizes, vocabulary: 24, context: 8 },
  { ...sizes, vocabulary: 25, context: 8, seed: undefined },
  { ...vision, side: 8, patch: 4, classes: 3 },
  { ...sizes, mels: 8, stack: 2, context: 10, classes: 4, kernel: 3 },
];
const language: Gpt = gpt(nn, configs[0]);
const masked: Bert = bert(nn, configs[1]);
const ofTokens: [TokenModel, TokenModel] = [language, masked];
const shared: TokenConfig = ofTokens[0].config;
const image: Vit = vit(nn, configs[2]);
const speech: Conformer = conformer(nn, configs[3]);
const blocks: readonly Block[] = [...language.blocks, ...masked.blocks, ...image.blocks];
const convolved: readonly ConformerBlock[] = speech.blocks;
const pixels = patchesOf(new Uint8Array(192), 8, 4);
const scores: Float32Array = nn.evaluate(() => image.head.forward(image.features(pixels)).toArray());
const thinned: DropoutOptions = { dropout: 0.1, seed: 7 };
const spelt: ConformerLossOptions = { ...thinned, zeroInfinity: true };
nn.step(() => speech.loss(new Float32Array(96), [12], [[1]], spelt));
nn.evaluate(() => [image.logits(pixels).shape, speech.features(new Float32Array(96), [12]).shape].length);
const [padded, less]: [TokenOptions, TokenOptions] = [{ lengths: [2] }, { ...thinned, lengths: Uint8Array.of(2) }];
nn.step(() => masked.loss([[1, 2]], [[-1, 2]], less));
nn.evaluate(() => masked.logits([[1, 2]], undefined, padded).shape === masked.features([[1]], [0], padded).shape);
const halved: BlockOptions = { rows: [0], cache: undefined, drop: (part: Value) => scale(nn, part, 0.5) };
blocks[0]?.forward(x, { variant: "laser" }, halved);
const steps: number = nn.step(() => language.loss([[1, 2]], [[2, 3]], thinned), 0.5) + speech.steps(12) + masked.maskId;

const adam: AdamWOptions = {
  lr: 1e-3,
  betas: [0.9, 0.95],
  decays: (name, { shape }) => shape.length > 1 && (name === "x" ? 0.01 : true),
  lrScale: (name) => (name.startsWith("head.") ? 10 : 1),
};
const optimizer = new AdamW(nn, own, adam);
const decay: DecayOptions = { peak: 1e-3, steps: 10 };
const rates: Schedule[] = [constantRate(1e-3), warmupCosine(decay), linearDecay(decay)];
const rate: AdamWStepOptions = { lr: rates[0]?.(optimizer.steps) ?? 0, clip: 1 };
const norm: number = optimizer.gradientNorm() + optimizer.step(rate);
const stopped: AdamWState = optimizer.stateDict();
const mean: ParameterValues | undefined = own.stateDict().get("head.weight");
optimizer.loadStateDict({ steps: 3, moments: readSafetensors(writeSafetensors(stopped.moments)).tensors });

const options: WriteSafetensorsOptions = { dtype: "BF16", metadata: { step: "1" } };
const input: SafetensorsInput = { shape: [2], data: new Float32Array(2) };
const file: Safetensors = readSafetensors(writeSafetensors(new Map([["x", input]]), options));
const tensor: SafetensorsTensor | undefined = file.tensors.get("x");
const type: SafetensorsType = tensor?.dtype ?? "F32";
const data: SafetensorsData = new BigInt64Array(1);
const saved: StateDict = own.stateDict();
own.loadStateDict(saved);
own.loadStateDict(file.tensors);
own.zeroGrad();
optimizer.dispose();
own.dispose();

const named: Saved = language;
const bytes: Uint8Array = saveCheckpoint(named, undefined, { step: 1 });
const checkpoint: Checkpoint = loadCheckpoint(bytes);
const extra: Json | undefined = checkpoint.extra.step;
const family: string = restore(nn, checkpoint).family;
const known: Gpt = restore(nn, checkpoint, "gpt");
const source: ModelSource = { family: known.family, config: known.config, state: known.stateDict() };
restore(nn, source, "gpt");
checkFinite(language, { step: 0, loss: 1, norm: 1 });
const caches: AttentionCache[] = language.caches();
const sampling: SamplingOptions = { topP: 0.9 };
const likely: Float64Array = distribution(
  nn.evaluate(() => language.next([[1]], caches).toArray()),
  sampling,
);
for (const cache of caches) {
  cache.clear();
  cache.dispose();
}
const cached = new AttentionCache(nn, 1, 4, 16);
const attended: Float32Array = nn.evaluate(() =>
  cachedAttention(nn, nn.input(new Float32Array(48), [1, 1, 48]), 2, cached, { variant: "laser" }).toArray(),
);
const drawing: GenerateOptions = { count: 2, ...sampling, random };
const written: number[] = [...generate(nn, language, [1], drawing)];
const filled: Filled[] = fill(nn, masked, [[1, masked.maskId]], { candidates: 3 } satisfies FillOptions);
const place: FilledPlace | undefined = filled[0]?.places[0];
const classes: Candidate[][] = classify(nn, image, new Uint8Array(192), { candidates: 3 } satisfies ClassifyOptions);
const said: Transcription[] = transcribe(nn, speech, new Float32Array(160), [4], {
  beam: 8,
} satisfies TranscribeOptions);
nn.step(() => scale(nn, add(nn, language.loss([[1]], [[2]]), language.loss([[2]], [[1]])), 0.5));
nn.dispose();

// What the types refuse.
// @ts-expect-error a value is no loss
nn.step(() => x);
// @ts-expect-error the variant has no default
gpt(nn, { vocabulary: 24, context: 8, width: 16, heads: 2, layers: 1 });
// @ts-expect-error a table is a parameter
embedding(nn, [1], [1], x);
// @ts-expect-error masks are bytes
maskRows(nn, x, x.tensor);

export const trained = [
  later,
  state,
  drawn,
  draw(likely, random) satisfies number,
  arrays,
  order,
  values,
  losses,
  counted,
  blocks,
  convolved,
  shared,
  scores,
  steps,
  norm,
];
export const files = [type, data, mean, extra, family, known, likely, attended, written, place, classes, said];
