/** The scores of a GPT for one row of tokens, as text generation asks for them, beside onnxruntime-web, which has no gradients. */
import { onnxruntimeWeb, openOrtWeb, openSession } from "../peers/ort.js";
import { tokenBatch } from "./batch.js";
import { stepFlops } from "./flops.js";
import { gptGraph } from "./onnx-gpt.js";
import { type Options, openPackage, startOf } from "./own.js";
import { compare, type Entry, type WorkloadResult } from "./run.js";
import type { Start } from "./trainer.js";
import { type Workload, workloads } from "./workloads.js";

export const forwards: readonly Workload[] = workloads
  .filter(({ size, task }) => size === "middle" && task.family === "gpt")
  .map((workload) => ({
    ...workload,
    name: `${workload.name.replace("batch 8", "batch 1")} forward`,
    sizes: { ...workload.sizes, batch: 1 },
  }));

interface Ready {
  logits(): Float32Array | Promise<Float32Array>;
  dispose(): void | Promise<void>;
}

async function openOwn(
  { task, sizes, variant }: Workload,
  ids: Int32Array,
  start: Start,
  options: Options,
  packed: boolean,
) {
  if (task.family !== "gpt") throw new Error("only a gpt has a forward workload");
  const own = await openPackage();
  const nn = own.createSync(options);
  const { vocabulary, context } = task;
  const { width, heads, layers } = sizes;
  const model = own.gpt(nn, { vocabulary, context, width, heads, layers, variant, seed: 1 });
  model.loadStateDict(start);
  if (packed) model.pack();
  return { logits: () => nn.evaluate(() => model.logits([ids]).toArray()), dispose: () => nn.dispose() };
}

async function openPeer(workload: Workload, ids: Int32Array, start: Start): Promise<Ready> {
  const ort = await openOrtWeb();
  const session = await openSession(ort, gptGraph(workload, start));
  const feeds = { ids: new ort.Tensor("int32", ids, [ids.length]) };
  return {
    async logits() {
      const [result] = Object.values(await session.run(feeds));
      return result!.data;
    },
    dispose: () => session.release(),
  };
}

/**
 * Of the norm of the difference over that of the logits. A float32 sum of K terms is off by about sqrt(K) 2^-24 of their norm; a
 * block has nine one after the other (two norms, six products and the sum of the softmax), of 4 C terms at most, and two follow.
 * They are independent: their squares add up. GELU with erf in place of tanh is off by 4 times the tolerance.
 */
const tolerance = ({ sizes: { layers, width } }: Workload): number =>
  Math.sqrt((9 * layers + 2) * 4 * width) * 2 ** -24;

const norm = (x: ArrayLike<number>): number => Math.hypot(...Array.from(x));

export async function measureForward(workload: Workload, time: number): Promise<WorkloadResult> {
  const start = await startOf(workload);
  const ids = tokenBatch(workload).ids[0]!;
  const opened: [name: string, own: boolean, ready: Ready][] = [];
  for (const [name, simd, packed] of [
    ["plain", "plain", true],
    ["relaxed", "relaxed", true],
    ["relaxed, not packed", "relaxed", false], // onnxruntime packs its weights
  ] as const) {
    opened.push([name, true, await openOwn(workload, ids, start, { threads: 1, simd }, packed)]);
  }
  opened.push([onnxruntimeWeb.name, false, await openPeer(workload, ids, start)]);
  const expected = Float32Array.from(await opened[0]![2].logits());
  const entries: Entry[] = [];
  for (const [library, own, ready] of opened) {
    const got = await ready.logits();
    const error = norm(expected.map((x, n) => x - got[n]!)) / norm(expected);
    if (!(error < tolerance(workload))) throw new Error(`${library}: ${workload.name}: logits are off by ${error}`);
    entries.push({ library, own, call: ready.logits, error });
  }
  const result = await compare(workload.name, stepFlops(workload) / 3, entries, time);
  for (const [, , ready] of opened) await ready.dispose();
  return { ...result, checks: "logits" };
}
