/** A program that uses every public name and method, with no library beyond ES2022. It is compiled, not run. */
import type {
  Address,
  Answer,
  AnyTensor,
  AsyncKernelSource,
  AttentionBackwardOptions,
  AttentionGradients,
  AttentionOptions,
  Copied,
  CreateOptions,
  Data,
  DType,
  GradientName,
  KernelModule,
  KernelSource,
  LaserAttention,
  MatmulGradients,
  MatmulOptions,
  MemoryUse,
  Needs,
  Recomputed,
  SavedAttention,
  Simd,
  Tensor,
  Variant,
} from "laser-attention";
import { create, createSync } from "laser-attention";
import * as relaxed from "laser-attention/relaxed";
import type { SlimOptions } from "laser-attention/slim";
import * as slim from "laser-attention/slim";
import type { ThreadsOptions } from "laser-attention/threads";
import * as threads from "laser-attention/threads";

declare const bytes: Uint8Array;
declare const module: KernelModule;
declare const answer: Answer;

const options: CreateOptions = { maxMemory: 2 ** 28, wasm: answer };
const later: CreateOptions = { wasm: answer.arrayBuffer() };
const here: CreateOptions<KernelSource> = { wasm: bytes };
const la: LaserAttention = createSync(here);
const simd: Simd = la.simd;
const memory: MemoryUse = la.memory;
const limit: number = memory.limit - memory.bytes - memory.used + la.threads;
const last: Recomputed = la.recomputed;
const recomputed: number = last.elements + last.firstRow + last.lastRow;

const dtype: DType = "u8";
const q: Tensor = la.tensor(new Float32Array(80), [1, 2, 5, 8]);
const mask: Tensor<"u8"> = la.tensor(new Uint8Array(5), [1, 1, 1, 5]);
const perhapsBytes: DType | undefined = globalThis === undefined ? "u8" : undefined;
const either: AnyTensor[] = [
  q,
  mask,
  la.zeros([2], perhapsBytes),
  la.zeros([2]),
  la.zeros([2], "u8"),
  la.empty([2], "f32"),
  la.empty([2], "u8"),
];
const floats: Data = q.toArray();
const hidden: Data<"u8"> = mask.data;
const copyOf = <T extends DType>(tensor: Tensor<T>): Data<T> => tensor.toArray();
const copies: [Copied, Copied<"u8">] = [q.toArray(), mask.toArray()];
q.set(copies[0].length > 0 ? copyOf(q) : floats);
const kind: "f32" = q.dtype;
const view: Tensor = q.narrow(2, 0, 2).view([2, 8], [8, 1], 0);
const sizes: readonly number[] = [...view.shape, ...view.strides];
view.dispose();

const variant: Variant = "laser";
const all: AttentionOptions = {
  variant,
  causal: true,
  window: [4, 0],
  align: "top-left",
  mask,
  bias: q,
  scale: 0.5,
  softcap: 30,
  alibi: new Float32Array(2),
  layout: "BNHD",
  out: la.empty([1, 2, 5, 8]),
};
const out: Tensor = la.attention(q, q, q, all);
const saved: SavedAttention = la.attentionForward(q, q, q, { variant: "standard" });
const lse: Tensor = saved.lse;
const everything: AttentionGradients = la.attentionBackward(out, saved);
const dq: Tensor = everything.dq;
const dbias: Tensor | undefined = everything.dbias;
const needs = { dq: false, dk: true } satisfies Needs;
const into = { needs, into: { dk: q } } satisfies AttentionBackwardOptions;
const some: AttentionGradients<{ dq: false; dk: true }> = la.attentionBackward(out, saved, into);
const none: undefined = some.dq;
const dk: Tensor = la.attentionBackward(out, saved, { needs: { dq: false } }).dk;
const without: undefined = la.attentionBackward(out, saved, { needs: { dq: false } }).dq;
const anyNeeds: AttentionBackwardOptions = { needs: { dq: false } };
const perhaps: Tensor | undefined = la.attentionBackward(out, saved, anyNeeds).dq;
// @ts-expect-error options whose needs are not known give gradients that may be none
const unsure: Tensor = la.attentionBackward(out, saved, anyNeeds).dq;
declare const condition: boolean;
const [without1, without2, without3] = [
  la.attentionBackward(out, saved, condition ? { needs: { dq: false } } : {}),
  la.attentionBackward(out, saved, { ...(condition ? { needs: { dq: false } } : {}) }),
  la.attentionBackward(out, saved, { needs: condition ? { dq: false } : { dk: false } }),
];
const conditional: (Tensor | undefined)[] = [without1.dq, without2.dq, without3.dq, without3.dk];
const certain: Tensor[] = [without1.dk, without2.dk, without3.dv];
// @ts-expect-error gradients that may be none
const risky: Tensor[] = [without1.dq];
// @ts-expect-error however the options come about
const risky2: Tensor[] = [without2.dq];
// @ts-expect-error of two needs, too
const risky3: Tensor[] = [without3.dk];
// @ts-expect-error nor is there nothing for certain
const nothing: undefined[] = [without1.dq];
// @ts-expect-error no such gradient
la.attentionBackward(out, saved, { needs: { dq: false, dx: false } });
// @ts-expect-error no such option
la.attentionBackward(out, saved, { need: { dq: false } });
// @ts-expect-error no such gradient to write
la.attentionBackward(out, saved, { into: { dq: q, dz: q } });
const written: Tensor = la.attentionBackward(out, saved, condition ? { into: { dq: q } } : {}).dq;
// @ts-expect-error names of gradients are no needs
la.attentionBackward(out, saved, { needs: ["dq"] });
const likewise: AnyTensor = la.tensor(either[0]?.toArray() ?? floats, sizes);
const name: GradientName = "dbias";

const transposed: MatmulOptions = { transposeA: false, transposeB: true };
const product: Tensor = la.matmul(q, q, transposed);
const { da, db }: MatmulGradients = la.matmulBackward(product, q, q, transposed);
const chain: Tensor[] = [la.softmax(q), la.exp(q), la.log(q), da, db];
const back: Tensor[] = [la.softmaxBackward(q, q), la.expBackward(q, q), la.logBackward(q, q)];
const inner: Tensor = la.scope(() => la.exp(q));
const warm: Promise<void> = la.warmup();
la.dispose();

const address: Address = { href: "https://example.org/kernels.wasm" };
const source: AsyncKernelSource = Promise.resolve(address);
const shared: SlimOptions = { wasm: source };
const parallel: ThreadsOptions = { threads: 2, simd: "relaxed", worker: address, wasm: bytes };
const instances: Promise<LaserAttention>[] = [
  create(),
  create(options),
  create(later),
  relaxed.create({ wasm: module }),
  slim.create(shared),
  threads.create(parallel),
];
const atOnce: relaxed.LaserAttention[] = [
  createSync(),
  relaxed.createSync(),
  slim.createSync({ wasm: module }),
  threads.createSync({ threads: 2 }),
];

// What the types refuse.
// @ts-expect-error the variant has no default
la.attention(q, q, q, {});
// @ts-expect-error masks are bytes
la.attention(q, q, q, { variant, mask: q });
// @ts-expect-error bytes are no operand
la.softmax(mask);
// @ts-expect-error a gradient that is not needed is no tensor
some.dq.data;
// @ts-expect-error the slim entry has no kernels of its own
slim.create({});
// @ts-expect-error in whichever form
createSync({ wasm: "kernels.wasm" });
// @ts-expect-error a number is nothing of the kind
createSync({ wasm: 7 });
// @ts-expect-error tensors are made by an instance; their data is not replaced
q.data = floats;

export const used = [
  simd,
  limit,
  recomputed,
  dtype,
  either,
  hidden,
  kind,
  sizes,
  lse,
  dq,
  dbias,
  needs,
  perhaps,
  unsure,
  [written, conditional, certain, risky, risky2, risky3, nothing],
  without,
  likewise,
  none,
  dk,
  name,
];
export const more = [chain, back, inner, warm, instances, atOnce];
