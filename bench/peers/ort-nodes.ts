/** Attention as nodes of onnxruntime, forward and backward: there is no autodiff. */
import { node, type OnnxNode, product } from "./onnx.js";
import type { AttentionWorkload, Units } from "./workloads.js";

/** a = P E and, where the graph has them to itself, the probabilities p. */
export type Core = (names: { q: string; k: string; e: string; a: string; p: string }) => OnnxNode[];

export const softmaxCore =
  ({ masked, scale }: Units, mask = "mask"): Core =>
  ({ q, k, e, a, p }) => [
    product(q, k, `s${p}`, { transB: 1, alpha: scale }),
    ...(masked ? [node("Add", [`s${p}`, mask], `t${p}`)] : []),
    node("Softmax", [masked ? `t${p}` : `s${p}`], p, { axis: { i: -1 } }),
    node("MatMul", [p, e], a),
  ];

export const attentionCore =
  ({ masked }: Units): Core =>
  ({ q, k, e, a }) => [node("Attention", [q, k, e], a, { is_causal: { i: Number(masked) } })];

/** Heads side by side: [1, N, H D]. */
export const multiHeadCore =
  ({ heads, masked }: Units): Core =>
  ({ q, k, e, a }) => [
    {
      ...node("MultiHeadAttention", [q, k, e], a, { num_heads: { i: heads }, unidirectional: { i: Number(masked) } }),
      domain: "com.microsoft",
    },
  ];

/** Likewise, and always causal; with keys and values from before, of which it gives all back. */
export const groupedCore =
  ({ H, Hkv, N, M }: AttentionWorkload["shape"]): Core =>
  ({ q, k, e, a }) => [
    {
      op: "GroupQueryAttention",
      domain: "com.microsoft",
      inputs: [q, k, e, ...(N < M ? ["past_k", "past_v"] : ["", ""]), "last", "length"],
      outputs: N < M ? [a, "present_k", "present_v"] : [a],
      attributes: { num_heads: { i: H }, kv_num_heads: { i: Hkv } },
    },
  ];

/** LASER's E = exp(v - c), c the maxima of v's columns. Names end in `head`, which makes those of one head distinct. */
export const shiftNodes = (head: string): OnnxNode[] => [
  node("ReduceMax", [`v${head}`, "rows"], `c${head}`),
  node("Sub", [`v${head}`, `c${head}`], `u${head}`),
  node("Exp", [`u${head}`], `e${head}`),
];

/** LASER's dv = E * (P^T G). */
export const unshiftNode = (head: string): OnnxNode => node("Mul", [`e${head}`, `pg${head}`], `dv${head}`);

/**
 * Of queries q against keys k with their E (v itself, or LASER's e, whose maxima are called c): out and, with a backward pass, dq, dk and
 * P^T G, which is dv or pg. docs/math.md has the formulas.
 */
export function partNodes(
  { variant, direction }: AttentionWorkload,
  units: Units,
  core: Core,
  part: string,
  c = `c${part}`,
): OnnxNode[] {
  const at = (name: string) => `${name}${part}`;
  const [q, k, dout, out, p] = ["q", "k", "dout", "out", "p"].map(at) as [string, string, string, string, string];
  const laser = variant === "laser";
  const [e, a, g] = laser ? [at("e"), at("a"), at("g")] : [at("v"), out, dout];
  const forward = [
    ...core({ q, k, e, a, p }),
    ...(laser ? [node("Log", [a], at("l")), node("Add", [at("l"), c], out)] : []),
  ];
  if (direction === "forward") return forward;
  const alpha = units.scale;
  return [
    ...forward,
    laser ? node("Div", [dout, a], g) : node("Mul", [dout, out], at("w")),
    node("ReduceSum", [laser ? dout : at("w"), "columns"], at("delta")),
    product(g, e, at("dp"), { transB: 1 }),
    node("Sub", [at("dp"), at("delta")], at("dpd")),
    node("Mul", [p, at("dpd")], at("ds")),
    product(at("ds"), k, at("dq"), { alpha }),
    product(at("ds"), q, at("dk"), { transA: 1, alpha }),
    product(p, g, laser ? at("pg") : at("dv"), { transA: 1 }),
  ];
}

/** Forward and backward around a core. */
export function attentionNodes(workload: AttentionWorkload, units: Units, core: Core, head = ""): OnnxNode[] {
  const nodes = partNodes(workload, units, core, head);
  if (workload.variant === "standard") return nodes;
  return [...shiftNodes(head), ...nodes, ...(workload.direction === "both" ? [unshiftNode(head)] : [])];
}

/** Nodes for each head on its own, of whose names they make their own: inputs are split, and what comes out is joined. */
export function eachHead(
  { heads }: Units,
  inputs: readonly string[],
  outputs: readonly string[],
  body: (head: string) => OnnxNode[],
): OnnxNode[] {
  const names = Array.from({ length: heads }, (_, h) => String(h));
  const axis = { axis: { i: 1 } };
  const each = (name: string) => names.map((head) => name + head);
  return [
    ...inputs.map((name) => ({ ...node("Split", [name, "ones"], "", axis), outputs: each(name) })),
    ...names.flatMap(body),
    ...outputs.map((name) => node("Concat", each(name), name, axis)),
  ];
}
