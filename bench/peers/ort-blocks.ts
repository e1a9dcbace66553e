/** Causal attention as onnxruntime's nodes, a head and a block of queries at a time, each against the keys up to its end. */
import { node, type OnnxGraph, type OnnxNode } from "./onnx.js";
import { eachHead, partNodes, shiftNodes, softmaxCore, unshiftNode } from "./ort-nodes.js";
import { type AttentionWorkload, blocksOf, type Units } from "./workloads.js";

/** Nodes, and those of their constants that are theirs alone. */
export function blockNodes(
  workload: AttentionWorkload,
  units: Units,
  inputs: readonly string[],
  outputs: readonly string[],
): Pick<OnnxGraph, "nodes" | "constants"> {
  const { shape, variant } = workload;
  const laser = variant === "laser";
  const both = workload.direction === "both";
  const blocks = blocksOf(shape, Number.NEGATIVE_INFINITY);
  const constants: Record<string, OnnxGraph["constants"][string]> = { zero: [0], along: [-2] };
  for (const { start, end, mask } of blocks) {
    constants[`start${start}`] = [start];
    constants[`end${start}`] = [end];
    constants[`mask${start}`] = { data: mask, shape: [end - start, end] };
    if (both && start > 0) constants[`pads${start}`] = [0, 0, 0, 0, 0, 0, end - start, 0];
  }
  const [e, pg] = laser ? ["e", "pg"] : ["v", "dv"];
  const queries = both ? ["q", "dout"] : ["q"];
  const rows = both ? ["out", "dq"] : ["out"];
  const nodes = eachHead(units, inputs, outputs, (h) => [
    ...(laser ? shiftNodes(h) : []),
    ...blocks.flatMap(({ start }) => {
      const part = `${h}.${start}`;
      const slice = (name: string, from: string) =>
        node("Slice", [name + h, from, `end${start}`, "along"], name + part);
      return [
        ...queries.map((name) => slice(name, `start${start}`)),
        ...["k", e].map((name) => slice(name, "zero")),
        ...partNodes(workload, units, softmaxCore(units, `mask${start}`), part, `c${h}`),
      ];
    }),
    ...rows.map((name) => {
      const parts = blocks.map(({ start }) => `${name}${h}.${start}`);
      return node("Concat", parts, name + h, { axis: { i: 2 } });
    }),
    ...(both ? ["dk", pg].flatMap((name) => sumNodes(blocks, name, h)) : []),
    ...(both && laser ? [unshiftNode(h)] : []),
  ]);
  return { nodes, constants };
}

/** The sum of what the blocks give to the keys that they see: the sum so far, padded, and the next. */
function sumNodes(blocks: readonly { start: number }[], name: string, h: string): OnnxNode[] {
  let sum = `${name}${h}.0`;
  return blocks.slice(1).flatMap(({ start }, n) => {
    const [part, padded] = [`${name}${h}.${start}`, `${name}padded${h}.${start}`];
    const before = sum;
    sum = n === blocks.length - 2 ? name + h : `${name}sum${h}.${start}`;
    return [node("Pad", [before, `pads${start}`], padded), node("Add", [part, padded], sum)];
  });
}
