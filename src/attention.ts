import { type Call, checkBackward, checkForward, inLayout } from "./check-attention.js";
import { type Engine, producing } from "./engine.js";
import { Field } from "./generated/problem.js";
import type { Placed, Problem } from "./problem.js";
import { count } from "./shape.js";
import type { AnyTensor, Tensor } from "./tensor.js";
import type { AttentionBackwardOptions, AttentionGradients, AttentionOptions, Needs, SavedAttention } from "./types.js";

/** Beyond every index, and small enough for i' + right to stay a 32-bit integer. */
const UNLIMITED = 2 ** 30;

/**
 * The lse tensors that carry, behind their elements, what rounding took from them: with it P sums to 1 in backward for
 * scores of any size (assembly/score.ts, splitLse). Another tensor in the place of lse has rounded values only.
 */
const withRest = new WeakSet<Tensor>();

type Kernel = "attentionForward" | "attentionBackward";

export function attention(
  engine: Engine,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions,
  where = "attention",
): Tensor {
  const call = checkForward(where, engine.space, q, k, v, options);
  const { B, H, N } = call.sizes;
  return producing(engine, (make) => {
    const out = call.options.out ?? make(call.outShape);
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
  where = "attentionForward",
): SavedAttention {
  const call = checkForward(where, engine.space, q, k, v, options);
  const { B, H, N } = call.sizes;
  return producing(engine, (make) => {
    const out = call.options.out ?? make(call.outShape);
    const bytes = 4 * B * H * N;
    const lse = make([B, H, N], bytes);
    forward(engine, call, out, lse.ptr, lse.ptr + bytes);
    withRest.add(lse);
    return { out, lse, q, k, v, options: kept(call) };
  });
}

/** The options that were given, for backward: what the caller writes into an array afterwards changes nothing. */
function kept({ options, slopes }: Call): SavedAttention["options"] {
  const given: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options))
    if (option !== undefined && name !== "out") given[name] = option;
  if (typeof given.alibi === "object") given.alibi = slopes;
  return Object.freeze(given) as Omit<AttentionOptions, "out">;
}

export function attentionBackward<N extends Needs>(
  engine: Engine,
  dout: Tensor,
  saved: SavedAttention,
  options?: AttentionBackwardOptions,
): AttentionGradients<N> {
  const call = checkBackward(engine.space, dout, saved, options);
  const { into, needs, q, k, v, out, lse } = call;
  const { B, H, N } = call.sizes;
  const { bias, layout } = call.options;
  const { problem } = engine;
  return producing(engine, (make) => {
    const result = {
      dq: needs.dq === false ? undefined : (into.dq ?? make(q.shape)),
      dk: needs.dk === false ? undefined : (into.dk ?? make(k.shape)),
      dv: needs.dv === false ? undefined : (into.dv ?? make(v.shape)),
      dbias: bias === undefined || needs.dbias === false ? undefined : (into.dbias ?? make(bias.shape)),
    };
    if (N === 0) clear(engine, Object.values(result));
    else
      launch(engine, call, "attentionBackward", () => {
        place(problem, Field.out, out, layout);
        place(problem, Field.dout, call.dout, layout);
        problem.integer(Field.lse, lse.ptr);
        problem.integer(Field.rest, withRest.has(lse) ? lse.ptr + 4 * B * H * N : 0);
        place(problem, Field.dq, result.dq, layout);
        place(problem, Field.dk, result.dk, layout);
        place(problem, Field.dv, result.dv, layout);
        placeScores(problem, Field.dbias, result.dbias);
      });
    return result as AttentionGradients<N>;
  });
}

/** What is left of a call without queries, of which there may be billions of heads and batch entries: gradients of keys that nobody sees. */
function clear({ pool, problem }: Engine, gradients: readonly (Tensor | undefined)[]): void {
  pool?.settle(); // as `launch` by `members`: others may still read what a call that was cut off wrote
  problem.clear();
  for (const tensor of gradients) tensor?.set(new Float32Array(count(tensor.shape)));
}

function forward(engine: Engine, call: Call, out: Tensor, lse: number, rest = 0): void {
  if (call.sizes.N === 0) {
    clear(engine, []);
    return;
  }
  const { problem } = engine;
  launch(engine, call, "attentionForward", (heads) => {
    place(problem, Field.out, out, call.options.layout, heads);
    problem.integer(Field.lse, lse);
    problem.integer(Field.rest, rest);
  });
}

/** Fills in the struct, asks the kernel for its scratch size, and runs it. All scratch is given back on every path. */
function launch(engine: Engine, call: Call, kernel: Kernel, placeResults: (heads: number) => void): void {
  const { space, problem, kernels, pool } = engine;
  const { slopes, sizes } = call;
  const { arena } = space;
  const members = pool?.members(work(sizes, kernel)) ?? 1;
  const heads = kernel === "attentionForward" ? headsAsRows(call, members) : 1;
  problem.rowsOfQuery = heads;
  describe(problem, call, heads);
  placeResults(heads);
  const scratchOf = kernel === "attentionForward" ? kernels.attentionForwardScratch : kernels.attentionBackwardScratch;
  const bytes = 4 * (scratchOf(problem.ptr) >>> 0);
  arena.borrow(members * bytes + 4 * (slopes?.length ?? 0), (scratch) => {
    problem.attach();
    problem.integer(Field.scratch, scratch);
    if (slopes !== undefined) {
      const ptr = scratch + members * bytes;
      arena.f32(ptr, slopes.length).set(slopes);
      problem.integer(Field.slopes, ptr);
    }
    if (pool === undefined || members === 1) return kernels[kernel](problem.ptr);
    problem.share(members, bytes, pool.maySleep);
    pool.run(kernel, members, (member) => [problem.of(member)]);
  });
}

/** Floating-point operations when every query sees every key: two products forward, five backward. */
function work({ B, H, N, M, D, E }: Call["sizes"], kernel: Kernel): number {
  return 2 * B * H * N * M * (kernel === "attentionForward" ? D + E : 3 * D + 2 * E);
}

/** Keys that a query sees before and behind it. */
function reachOf({ causal, window }: Call["options"]): [left: number, right: number] {
  const right = side(window?.[1]);
  return [side(window?.[0]), causal ? Math.min(right, 0) : right];
}

/** i' - i: the key that the first query stands at. */
const offsetOf = ({ sizes: { N, M }, options: { align } }: Call): number => (align === "top-left" ? 0 : M - N);

/**
 * How many query heads are taken as rows of one head: those of a key head, where each has one query, as in decoding. Keys and values
 * are then read once for all (docs/design.md, "Decoding"). Not where heads have slopes of their own, a query does not see all
 * keys, or threads would find too few heads. No bit depends on it.
 */
function headsAsRows(call: Call, members: number): number {
  const { B, H, Hkv, N, M } = call.sizes;
  if (N !== 1 || H === Hkv || call.slopes !== undefined || B * Hkv < members) return 1;
  const [left, right] = reachOf(call.options);
  const at = offsetOf(call);
  return at - left <= 0 && at + right >= M - 1 ? H / Hkv : 1;
}

/** The fields that forward and backward share: inputs, sizes, flags. `heads` of queries are rows of one. */
function describe(problem: Problem, call: Call, heads: number): void {
  const { sizes, q, k, v, options } = call;
  const { layout, mask, bias, softcap, variant } = options;
  const [left, right] = heads > 1 ? [UNLIMITED, UNLIMITED] : reachOf(options);
  problem.clear();
  place(problem, Field.q, q, layout, heads);
  place(problem, Field.k, k, layout);
  place(problem, Field.v, v, layout);
  placeScores(problem, Field.mask, mask, heads);
  placeScores(problem, Field.bias, bias, heads);
  problem.integer(Field.B, sizes.B);
  problem.integer(Field.H, sizes.H / heads);
  problem.integer(Field.Hkv, sizes.Hkv);
  problem.integer(Field.N, sizes.N * heads);
  problem.integer(Field.M, sizes.M);
  problem.integer(Field.D, sizes.D);
  problem.integer(Field.E, sizes.E);
  problem.integer(Field.offset, offsetOf(call));
  problem.integer(Field.left, left);
  problem.integer(Field.right, right);
  problem.float(Field.scale, options.scale ?? 1 / Math.sqrt(sizes.D));
  problem.float(Field.softcap, softcap ?? 0);
  problem.integer(Field.laser, variant === "laser" ? 1 : 0);
  problem.integer(Field.members, 1);
}

const side = (reach = UNLIMITED): number => (reach < 0 ? UNLIMITED : Math.min(reach, UNLIMITED));

/** Pointer and strides of a tensor in the call's layout; of `heads` above 1 with one row each, which become rows. */
function place(
  problem: Problem,
  field: Placed,
  tensor: AnyTensor | undefined,
  layout: AttentionOptions["layout"],
  heads = 1,
): void {
  if (tensor === undefined) return;
  const [b, h, n] = inLayout(tensor.strides, layout);
  problem.place(field, tensor.ptr, b, heads * h, heads > 1 ? h : n);
}

/** The same of a [B, H, N, M] tensor; an axis of size 1 is repeated by a stride of 0. */
function placeScores(problem: Problem, field: Placed, tensor: AnyTensor | undefined, heads = 1): void {
  if (tensor === undefined) return;
  const stride = (axis: number): number => (tensor.shape[axis] === 1 ? 0 : tensor.strides[axis]!);
  problem.place(field, tensor.ptr, stride(0), heads * stride(1), stride(heads > 1 ? 1 : 2));
}
