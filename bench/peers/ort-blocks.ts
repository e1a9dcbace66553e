/** Causal forward as onnxruntime's nodes, a head and a block of queries at a time, each against the keys up to its end. */
import { node, type OnnxGraph, type OnnxNode, product } from "./onnx.js";
import { type AttentionWorkload, blocksOf, type Units } from "./workloads.js";

export function blockNodes(
  { shape, variant }: AttentionWorkload,
  { heads, scale }: Units,
): { nodes: OnnxNode[]; constants: OnnxGraph["constants"] } {
  const laser = variant === "laser";
  const blocks = blocksOf(shape, Number.NEGATIVE_INFINITY);
  const constants: Record<string, OnnxGraph["constants"][string]> = {
    ...{ ones: Array<number>(heads).fill(1), zero: [0], along: [-2], ...(laser && { rows: [-2] }) },
  };
  for (const { start, end, mask } of blocks) {
    constants[`start${start}`] = [start];
    constants[`end${start}`] = [end];
    constants[`mask${start}`] = { data: mask, shape: [end - start, end] };
  }
  const nodes: OnnxNode[] = [];
  const all = Array.from({ length: heads }, (_, h) => String(h));
  for (const name of ["q", "k", "v"])
    nodes.push({ ...node("Split", [name, "ones"], "", { axis: { i: 1 } }), outputs: all.map((h) => name + h) });
  const slice = (x: string, from: string, to: string, output: string) => node("Slice", [x, from, to, "along"], output);
  for (const h of all) {
    const [e, a] = laser ? [`e${h}`, `a${h}`] : [`v${h}`, `out${h}`];
    if (laser) {
      nodes.push(node("ReduceMax", [`v${h}`, "rows"], `c${h}`), node("Sub", [`v${h}`, `c${h}`], `u${h}`));
      nodes.push(node("Exp", [`u${h}`], e));
    }
    for (const { start } of blocks) {
      const at = (name: string) => `${name}${h}.${start}`;
      nodes.push(
        slice(`q${h}`, `start${start}`, `end${start}`, at("q")),
        slice(`k${h}`, "zero", `end${start}`, at("k")),
        slice(e, "zero", `end${start}`, at("e")),
        product(at("q"), at("k"), at("s"), { transB: 1, alpha: scale }),
        node("Add", [at("s"), `mask${start}`], at("t")),
        node("Softmax", [at("t")], at("p"), { axis: { i: -1 } }),
        node("MatMul", [at("p"), at("e")], at("a")),
      );
    }
    const parts = blocks.map(({ start }) => `a${h}.${start}`);
    nodes.push(node("Concat", parts, a, { axis: { i: 2 } }));
    if (laser) nodes.push(node("Log", [a], `l${h}`), node("Add", [`l${h}`, `c${h}`], `out${h}`));
  }
  const outs = all.map((h) => `out${h}`);
  nodes.push(node("Concat", outs, "out", { axis: { i: 1 } }));
  return { nodes, constants };
}
