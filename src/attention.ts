import { type Call, checkBackward, checkForward, inLayout } from "./check-attention.js";
import { type Engine, producing } from "./engine.js";
import { type Field, type Fields, writeField, writeProblem } from "./problem.js";
import type { AnyTensor, Tensor } from "./tensor.js";
import type { AttentionBackwardOptions, AttentionGradients, AttentionOptions, Needs, SavedAttention } from "./types.js";

/** Beyond every index, and small enough for i' + right to stay a 32-bit integer. */
const UNLIMITED = 2 ** 30;

export function attention(engine: Engine, q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
  const call = checkForward("attention", engine.space, q, k, v, options);
  const { B, H, N } = call.sizes;
  return producing(engine, (make) => {
    const out = options.out ?? make(call.outShape);
    engine.space.arena.borrow(4 * B * H * N, (lse) => forward(engine, call, out, lse));
    return out;
  });
}

export function attentionForward(
  engine: Engine,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions,
): SavedAttention {
  const call = checkForward("attentionForward", engine.space, q, k, v, options);
  const { B, H, N } = call.sizes;
  return producing(engine, (make) => {
    const { out = make(call.outShape), ...rest } = options;
    const lse = make([B, H, N]);
    forward(engine, call, out, lse.ptr);
    if (typeof rest.alibi === "object") rest.alibi = call.slopes;
    if (rest.window !== undefined) rest.window = [...rest.window];
    return { out, lse, q, k, v, options: Object.freeze(rest) };
  });
}

export function attentionBackward<N extends Needs>(
  engine: Engine,
  dout: Tensor,
  saved: SavedAttention,
  options?: AttentionBackwardOptions<N>,
): AttentionGradients<N> {
  const call = checkBackward(engine.space, dout, saved, options);
  const { into, needs } = call;
  const { q, k, v } = call;
  const { bias, layout } = call.options;
  const { kernels } = engine;
  return producing(engine, (make) => {
    const result = {
      dq: needs.dq === false ? undefined : (into.dq ?? make(q.shape)),
      dk: needs.dk === false ? undefined : (into.dk ?? make(k.shape)),
      dv: needs.dv === false ? undefined : (into.dv ?? make(v.shape)),
      dbias: bias === undefined || needs.dbias === false ? undefined : (into.dbias ?? make(bias.shape)),
    };
    const fields: Fields = {
      ...place("out", "N", saved.out, layout),
      ...place("dout", "N", dout, layout),
      lse: saved.lse.ptr,
      ...place("dq", "N", result.dq, layout),
      ...place("dk", "M", result.dk, layout),
      ...place("dv", "M", result.dv, layout),
      ...placeScores("dbias", result.dbias),
    };
    launch(engine, call, fields, kernels.attentionBackward, kernels.attentionBackwardScratch);
    return result as AttentionGradients<N>;
  });
}

function forward(engine: Engine, call: Call, out: Tensor, lse: number): void {
  const { attentionForward, attentionForwardScratch } = engine.kernels;
  const fields = { ...place("out", "N", out, call.options.layout), lse };
  launch(engine, call, fields, attentionForward, attentionForwardScratch);
}

/** Completes the struct, asks the kernel for its scratch size, and runs it. All scratch is given back on every path. */
function launch(
  { space: { arena }, problem }: Engine,
  call: Call,
  fields: Fields,
  kernel: (problem: number) => void,
  scratchLength: (problem: number) => number,
): void {
  const { slopes, sizes } = call;
  arena.borrow(4 * sizes.H, (ptr) => {
    if (slopes !== undefined) arena.f32(ptr, sizes.H).set(slopes);
    writeProblem(arena, problem, { ...describe(call), ...fields, slopes: slopes === undefined ? 0 : ptr });
    arena.borrow(4 * (scratchLength(problem) >>> 0), (scratch) => {
      writeField(arena, problem, "scratch", scratch);
      kernel(problem);
    });
  });
}

/** The fields that forward and backward share: inputs, sizes, flags. */
function describe({ sizes, q, k, v, options }: Call): Fields {
  const { layout, mask, bias, causal, align, window = [-1, -1], softcap, variant } = options;
  const right = side(window[1]);
  return {
    ...sizes,
    ...place("q", "N", q, layout),
    ...place("k", "M", k, layout),
    ...place("v", "M", v, layout),
    ...placeScores("mask", mask),
    ...placeScores("bias", bias),
    offset: align === "top-left" ? 0 : sizes.M - sizes.N,
    left: side(window[0]),
    right: causal ? Math.min(right, 0) : right,
    scale: options.scale ?? 1 / Math.sqrt(sizes.D),
    softcap: softcap ?? 0,
    laser: variant === "laser" ? 1 : 0,
  };
}

const side = (reach: number): number => (reach < 0 ? UNLIMITED : Math.min(reach, UNLIMITED));

/** Pointer and strides of a tensor in the call's layout. */
function place(
  name: "q" | "k" | "v" | "out" | "dout" | "dq" | "dk" | "dv",
  row: "N" | "M",
  tensor: AnyTensor | undefined,
  layout: AttentionOptions["layout"],
): Fields {
  if (tensor === undefined) return {};
  const [b, h, n] = inLayout(tensor.strides, layout);
  return { [name]: tensor.ptr, [`${name}B` as Field]: b, [`${name}H` as Field]: h, [`${name}${row}` as Field]: n };
}

/** Pointer and strides of a [B, H, N, M] tensor; an axis of size 1 is repeated by a stride of 0. */
function placeScores(name: "mask" | "bias" | "dbias", tensor: AnyTensor | undefined): Fields {
  if (tensor === undefined) return {};
  const [b, h, n] = tensor.shape.map((size, axis) => (size === 1 ? 0 : tensor.strides[axis]!));
  return { [name]: tensor.ptr, [`${name}B` as Field]: b!, [`${name}H` as Field]: h!, [`${name}N` as Field]: n! };
}
