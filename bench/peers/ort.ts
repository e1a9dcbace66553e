/** onnxruntime-web and onnxruntime-node: one API, one set of graphs. */
import { swap } from "../../test/support/run.js";
import { matmulInputs, ordinary } from "../tasks.js";
import { node, type OnnxGraph, type OnnxNode, onnxModel } from "./onnx.js";
import { blockNodes } from "./ort-blocks.js";
import { attentionCore, attentionNodes, eachHead, groupedCore, multiHeadCore, softmaxCore } from "./ort-nodes.js";
import { type Formulate, type Formulation, join, load, type Outputs, type Peer, type Ready } from "./peer.js";
import {
  type AttentionWorkload,
  additiveMask,
  goesByBlocks,
  type MatmulWorkload,
  type Units,
  unitsOf,
} from "./workloads.js";

interface OrtTensor {
  data: Float32Array;
}
type Feeds = Record<string, OrtTensor>;

/** What is used of the packages' API. */
export interface Ort {
  env: { logLevel: string; wasm: { numThreads: number } };
  Tensor: new (type: "float32" | "int32", data: Float32Array | Int32Array, dims: readonly number[]) => OrtTensor;
  InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
}

interface Session {
  run(feeds: Feeds): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

const SESSION = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: "sequential",
  graphOptimizationLevel: "all",
};

/** A graph, optimised and ready to run on one thread. */
export const openSession = (ort: Ort, graph: OnnxGraph): Promise<Session> =>
  ort.InferenceSession.create(onnxModel(graph), SESSION);

type Data = Readonly<Record<string, Float32Array>>;

/** `arrange` turns a result back to [H, N, D]. */
async function prepare(ort: Ort, graph: OnnxGraph, data: Data, arrange = (x: Float32Array) => x): Promise<Ready> {
  const session = await openSession(ort, graph);
  const feeds: Feeds = {};
  for (const [name, shape] of Object.entries(graph.inputs)) feeds[name] = new ort.Tensor("float32", data[name]!, shape);
  return {
    call: () => session.run(feeds),
    async read() {
      const results = await session.run(feeds);
      const entries = Object.entries(results).map(([name, { data }]) => [name, arrange(Float32Array.from(data))]);
      return Object.fromEntries(entries) as Outputs;
    },
    dispose: () => session.release(),
  };
}

/** A graph of nodes, with the constants that they use. */
function graphOf(
  nodes: readonly OnnxNode[],
  inputs: OnnxGraph["inputs"],
  outputs: readonly string[],
  units: Units,
): OnnxGraph {
  const { rows, keys, heads, masked } = units;
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  const mask = used.has("mask") && additiveMask(rows, keys, masked, Number.NEGATIVE_INFINITY);
  const all = { rows: [-2], columns: [-1], ones: Array<number>(heads).fill(1) };
  const constants: OnnxGraph["constants"] = {
    ...Object.fromEntries(Object.entries(all).filter(([name]) => used.has(name))),
    ...(mask && { mask: { data: mask, shape: [rows, keys] } }),
  };
  return { inputs, outputs, nodes, constants };
}

/** GroupQueryAttention: all keys are new, or with one query the last of them. */
function groupQuery(ort: Ort, workload: AttentionWorkload, units: Units): Formulation {
  const { H, Hkv, N, M, D } = workload.shape;
  const { q, k, v } = ordinary(workload.shape);
  const past = M - N;
  /** Rows [first, end) of every key head. */
  const rows = (x: Float32Array, first: number, end: number): Float32Array =>
    join(Array.from({ length: Hkv }, (_, h) => x.subarray((h * M + first) * D, (h * M + end) * D)));
  const added = (x: Float32Array) => swap(rows(x, past, M), [1, Hkv, N, D]);
  const data = {
    ...{ q: swap(q, [1, H, N, D]), k: added(k), v: added(v) },
    ...(past > 0 && { past_k: rows(k, 0, past), past_v: rows(v, 0, past) }),
  };
  const before = [1, Hkv, past, D];
  const inputs = {
    ...{ q: [1, N, H * D], k: [1, N, Hkv * D], v: [1, N, Hkv * D] },
    ...(past > 0 && { past_k: before, past_v: before }),
  };
  const graph = graphOf(attentionNodes(workload, units, groupedCore(workload.shape)), inputs, ["out"], units);
  const constants = {
    ...graph.constants,
    last: { data: Int32Array.of(M - 1), shape: [1] },
    length: { data: Int32Array.of(M), shape: [1] },
  };
  const prepared = () => prepare(ort, { ...graph, constants }, data, (x) => swap(x, [1, N, H, D]));
  return { name: "GroupQueryAttention", prepare: prepared };
}

function attention(ort: Ort, workload: AttentionWorkload): Formulation[] {
  const { shape, direction } = workload;
  const { H, Hkv, N, M, D } = shape;
  const units = unitsOf(shape);
  const data = { ...ordinary(shape) };
  const [query, key] = [units.rows, units.keys].map((n) => [1, units.heads, n, D]) as [number[], number[]];
  const backward = direction === "both";
  const outputs = backward ? ["out", "dq", "dk", "dv"] : ["out"];
  const inputs = { q: query, k: key, v: key, ...(backward && { dout: query }) };
  const way = (name: string, nodes: () => OnnxNode[], given: OnnxGraph["inputs"] = inputs): Formulation => ({
    name,
    prepare: () => prepare(ort, graphOf(nodes(), given, outputs, units), data),
  });
  const formulations = [
    way("MatMul, Softmax", () => attentionNodes(workload, units, softmaxCore(units))),
    // Which keeps a head's scores in the caches.
    way("MatMul, Softmax a head", () =>
      eachHead(units, Object.keys(inputs), outputs, (head) =>
        attentionNodes(workload, units, softmaxCore(units), head),
      ),
    ),
  ];
  if (goesByBlocks(workload)) {
    const byBlocks = () => {
      const { nodes, constants } = blockNodes(workload, units, Object.keys(inputs), outputs);
      const graph = graphOf(nodes, inputs, outputs, units);
      return prepare(ort, { ...graph, constants: { ...graph.constants, ...constants } }, data);
    };
    formulations.push({ name: "blocks of queries", prepare: byBlocks });
  }
  if (backward) return formulations;
  const grouped = { q: [1, H, N, D], k: [1, Hkv, M, D], v: [1, Hkv, M, D] };
  formulations.push(way("Attention", () => attentionNodes(workload, units, attentionCore(units)), grouped));
  if ((N === 1 && workload.variant === "standard") || (shape.causal && N === M))
    formulations.push(groupQuery(ort, workload, units));
  if (H !== Hkv) return formulations;
  const multi = () => {
    const beside = { q: [1, N, H * D], k: [1, M, H * D], v: [1, M, H * D] };
    const turned = { q: swap(data.q, [1, H, N, D]), k: swap(data.k, [1, H, M, D]), v: swap(data.v, [1, H, M, D]) };
    const graph = graphOf(attentionNodes(workload, units, multiHeadCore(units)), beside, outputs, units);
    return prepare(ort, graph, turned, (x) => swap(x, [1, N, H, D]));
  };
  return [...formulations, { name: "MultiHeadAttention", prepare: multi }];
}

/** b as an input, or as a weight, which the runtime packs once and does not copy. */
function matmul(ort: Ort, { shape }: MatmulWorkload): Formulation[] {
  const { m, k, n } = shape;
  const nodes = [node("MatMul", ["a", "b"], "out")];
  const data = { ...matmulInputs(shape) };
  const graph = { inputs: { a: [m, k], b: [k, n] }, outputs: ["out"], nodes, constants: {} };
  const weight = { ...graph, inputs: { a: [m, k] }, constants: { b: { data: data.b, shape: [k, n] } } };
  return [
    { name: "MatMul", prepare: () => prepare(ort, graph, data) },
    { name: "MatMul, b a constant", prepare: () => prepare(ort, weight, data) },
  ];
}

const formulations =
  (ort: Ort): Formulate =>
  (workload) =>
    workload.kind === "matmul" ? matmul(ort, workload) : attention(ort, workload);

async function open(name: string): Promise<Ort> {
  const ort = await load<Ort>(name);
  ort.env.logLevel = "error";
  return ort;
}

export async function openOrtWeb(): Promise<Ort> {
  const ort = await open("onnxruntime-web");
  ort.env.wasm.numThreads = 1;
  return ort;
}

export const onnxruntimeWeb: Peer = {
  name: "onnxruntime-web",
  packages: ["onnxruntime-web"],
  open: async () => formulations(await openOrtWeb()),
};

/** Native code, wider vectors than WebAssembly has: what a server may use. */
export const onnxruntimeNode: Peer = {
  name: "onnxruntime-node",
  packages: ["onnxruntime-node"],
  open: async () => formulations(await open("onnxruntime-node")),
};
