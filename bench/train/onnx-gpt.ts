/**
 * The scores of a GPT as an ONNX graph for onnxruntime-web, of one row of tokens: ids [N] to logits [N, V].
 *
 * The fastest of some thirty at d 128, 4 layers, context 128, which lie within 6 %. Time over that of this graph:
 *
 *   attention  Attention of ONNX 1.02, that of com.microsoft with the product for q, k, v inside 1.02, MatMul and Softmax over all
 *              heads 1.03, heads one at a time 1.03, MultiHeadAttention 1.04, with its biases inside 1.06
 *   products   weights transposed beforehand 1.00, MatMul and Add 1.00, one product each for q, k, v 1.01
 *   GELU       Gelu 1.00, written with Tanh 1.01, with Sigmoid 1.03
 *   norms      LayerNormalization behind Add 1.01
 *   all apart  MatMul, Add, Transpose, Softmax, Tanh 1.05
 */
import { node, type OnnxGraph, type OnnxNode } from "../peers/onnx.js";
import { EPS, type Start } from "./trainer.js";
import type { Workload } from "./workloads.js";

type Names = readonly string[];

/** Nodes and constants as they are added; what adds one returns the name of its result. */
class Builder {
  readonly nodes: OnnxNode[] = [];
  readonly constants: Record<string, OnnxGraph["constants"][string]> = {};

  add(op: string, inputs: Names, attributes: OnnxNode["attributes"] = {}, domain = ""): string {
    const output = `${op}${this.nodes.length}`;
    this.nodes.push({ ...node(op, [...inputs], output, attributes), domain });
    return output;
  }

  constant(name: string, value: OnnxGraph["constants"][string]): string {
    this.constants[name] = value;
    return name;
  }

  reshape(x: string, shape: readonly number[]): string {
    return this.add("Reshape", [x, this.constant(`shape ${shape}`, shape)]);
  }

  /** Columns of `width`: one result for each. */
  split(x: string, width: number, parts: number): string[] {
    const outputs = Array.from({ length: parts }, (_, n) => `${x}.${n}`);
    const sizes = this.constant(`split ${width}`, Array<number>(parts).fill(width));
    this.nodes.push({ op: "Split", inputs: [x, sizes], outputs, attributes: { axis: { i: 1 } } });
    return outputs;
  }
}

export function gptGraph({ sizes, task, variant }: Workload, start: Start): OnnxGraph {
  if (task.family !== "gpt" || sizes.batch !== 1) throw new Error("the graph is that of a gpt and of one row");
  const { width: C, heads: H, layers } = sizes;
  const N = task.context;
  const graph = new Builder();
  const parameter = (name: string): string => graph.constant(name, start.get(name)!);
  const both = (name: string): Names => [parameter(`${name}.weight`), parameter(`${name}.bias`)];
  const linear = (x: string, name: string) => graph.add("Gemm", [x, ...both(name)], { transB: { i: 1 } });
  const epsilon = { epsilon: { f: EPS } };
  /** x + y, and its norm. */
  const sumAndNorm = (x: string, y: string, name: string): [sum: string, norm: string] => {
    const [sum, norm] = [`${name}.sum`, `${name}.norm`];
    const inputs = [x, y, ...both(name)];
    const [op, domain] = ["SkipLayerNormalization", "com.microsoft"];
    graph.nodes.push({ op, domain, inputs, outputs: [norm, "", "", sum], attributes: epsilon });
    return [sum, norm];
  };
  const gelu = (x: string) => graph.add("FastGelu", [x], {}, "com.microsoft");

  // GroupQueryAttention is always causal. It wants the last place of each row, and the length of the longest row.
  const last = graph.constant("last", { data: Int32Array.of(N - 1), shape: [1] });
  const length = graph.constant("length", { data: Int32Array.of(N), shape: [1] });
  const core = (qkv: Names): string => {
    const inputs = [...qkv, "", "", last, length];
    const heads = { num_heads: { i: H }, kv_num_heads: { i: H } };
    return graph.reshape(graph.add("GroupQueryAttention", inputs, heads, "com.microsoft"), [N, C]);
  };
  const attention = (x: string, name: string): string => {
    const qkv = linear(x, name);
    if (variant === "standard") return core([graph.reshape(qkv, [1, N, 3 * C]), "", ""]);
    const [q, k, v] = graph.split(qkv, C, 3) as [string, string, string];
    const c = graph.add("ReduceMax", [v, graph.constant("rows", [0])]);
    const e = graph.add("Exp", [graph.add("Sub", [v, c])]);
    const a = core([q, k, e].map((part) => graph.reshape(part, [1, N, C])));
    return graph.add("Add", [graph.add("Log", [a]), c]);
  };

  const tokens = graph.add("Gather", [parameter("tok.weight"), "ids"]);
  let [x, y] = sumAndNorm(tokens, parameter("pos.weight"), "blocks.0.ln1");
  for (let layer = 0; layer < layers; layer++) {
    const at = `blocks.${layer}`;
    [x, y] = sumAndNorm(x, linear(attention(y, `${at}.attn.qkv`), `${at}.attn.proj`), `${at}.ln2`);
    const next = layer + 1 < layers ? `blocks.${layer + 1}.ln1` : "lnf";
    [x, y] = sumAndNorm(x, linear(gelu(linear(y, `${at}.fc`)), `${at}.out`), next);
  }
  const logits = linear(y, "head");
  const { nodes, constants } = graph;
  return { inputs: {}, indices: { ids: [N] }, outputs: [logits], nodes, constants };
}
