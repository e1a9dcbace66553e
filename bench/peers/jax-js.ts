/**
 * jax-js on its WebAssembly backend, jitted. Fast are sizes that are multiples of 8 (padding 197 to 200 makes products five
 * times faster), one head at a time, and dividing by the row sums after the product with V. Its arrays are consumed by
 * what they are passed to, hence `.ref`.
 */
import { matmulInputs, ordinary } from "../tasks.js";
import { type Formulate, fromBlocks, join, load, type Outputs, type Peer, type Ready } from "./peer.js";
import {
  type AttentionWorkload,
  additiveMask,
  type Block,
  blocksOf,
  goesByBlocks,
  type MatmulWorkload,
  unitsOf,
} from "./workloads.js";

export interface Jarray {
  readonly ref: Jarray;
  readonly shape: readonly number[];
  reshape(shape: readonly number[]): Jarray;
  transpose(axes?: readonly number[]): Jarray;
  slice(...index: (number | readonly [number, number] | readonly [])[]): Jarray;
  add(other: Jarray | number): Jarray;
  sub(other: Jarray | number): Jarray;
  mul(other: Jarray | number): Jarray;
  div(other: Jarray | number): Jarray;
  dataSync(): Float32Array;
  dispose(): void;
}
type Keep = { keepdims: boolean };
export type Tree = Record<string, Jarray>;

/** What is used of the package's API, here and in bench/train. */
export interface Jax {
  init(device: string): Promise<string[]>;
  defaultDevice(device: string): string;
  blockUntilReady<T>(tree: T): Promise<T>;
  jit<A extends unknown[], R>(f: (...args: A) => R): ((...args: A) => R) & { dispose(): void };
  valueAndGrad(f: (p: Tree, x: Tree) => Jarray): (p: Tree, x: Tree) => [Jarray, Tree];
  tree: { dispose(tree: unknown): void; ref<T>(tree: T): T };
  nn: { softmax(x: Jarray, axis: number): Jarray; logSoftmax(x: Jarray, axis: number): Jarray };
  numpy: {
    array(data: Float32Array): Jarray;
    matmul(a: Jarray, b: Jarray): Jarray;
    exp(x: Jarray): Jarray;
    log(x: Jarray): Jarray;
    sqrt(x: Jarray): Jarray;
    pad(x: Jarray, width: readonly (readonly [number, number])[]): Jarray;
    split(x: Jarray, parts: number, axis: number): Jarray[];
    concatenate(parts: readonly Jarray[], axis: number): Jarray;
    max(x: Jarray, axis: number, keep: Keep): Jarray;
    mean(x: Jarray, axis: number, keep: Keep): Jarray;
    sum(x: Jarray, axis?: number, keep?: Keep): Jarray;
  };
  lax: { stopGradient(x: Jarray): Jarray };
}

type Head = Record<"q" | "k" | "v", Jarray> & { dout?: Jarray; mask?: Jarray };
type HeadOutputs = Outputs<Jarray>;
export const keep: Keep = { keepdims: true };

/**
 * out, dq, dk and P^T G of queries against keys with their E, whose column maxima are c (LASER); docs/math.md has the formulas. An array
 * lives until it is used without `.ref`.
 */
function core({ numpy: np }: Jax, { q, k, v: e, dout, mask }: Head, c: Jarray | undefined, scale: number): HeadOutputs {
  const scores = np.matmul(dout ? q.ref.mul(scale) : q.mul(scale), (dout ? k.ref : k).transpose());
  const s = mask ? scores.add(mask) : scores;
  const shifted = np.exp(s.ref.sub(np.max(s, -1, keep)));
  const sums = np.sum(shifted.ref, -1, keep);
  if (!dout) {
    const a = np.matmul(shifted, e).div(sums);
    return { out: c ? np.log(a).add(c) : a };
  }
  const p = shifted.div(sums);
  const a = np.matmul(p.ref, e.ref);
  const out = c ? np.log(a.ref).add(c) : a.ref;
  const delta = np.sum(c ? dout.ref : dout.ref.mul(a.ref), -1, keep);
  const g = c ? dout.div(a) : dout;
  if (!c) a.dispose();
  const dp = np.matmul(g.ref, e.transpose());
  const ds = p.ref.mul(dp.sub(delta));
  const dq = np.matmul(ds.ref, k).mul(scale);
  const dk = np.matmul(ds.transpose(), q).mul(scale);
  return { out, dq, dk, dv: np.matmul(p.transpose(), g) };
}

/** One head, at once or, where there are some, by blocks of queries: N is a multiple of 8 then, and so are their ends. */
function head(
  jax: Jax,
  one: Head,
  { blocks, masks }: { blocks: readonly Block[]; masks: readonly Jarray[] },
  scale: number,
  laser: boolean,
): HeadOutputs {
  const { numpy: np } = jax;
  const { q, k, v, dout } = one;
  const c = laser ? np.max(v.ref, 0, keep) : undefined;
  const e = c ? np.exp(v.sub(c.ref)) : v;
  let all: HeadOutputs;
  if (blocks.length === 0) all = core(jax, { ...one, v: e.ref }, c?.ref, scale);
  else {
    const parts = blocks.map(({ start, end }, n) => {
      const rows = (x: Jarray, from: number) => x.ref.slice([from, end]);
      const some = { q: rows(q, start), k: rows(k, 0), v: rows(e, 0), mask: masks[n]! };
      return core(jax, dout ? { ...some, dout: rows(dout, start) } : some, c?.ref, scale);
    });
    for (const used of [q, k, dout]) used?.dispose();
    all = fromBlocks<Jarray>(
      blocks,
      parts,
      (all) => np.concatenate(all, 0),
      (sum, x, { start, end }) => np.concatenate([sum.add(x.ref.slice([0, start])), x.slice([start, end])], 0),
    );
  }
  const dv = all.dv && (c ? e.ref.mul(all.dv) : all.dv);
  e.dispose();
  c?.dispose();
  return dv ? { ...all, dv } : all;
}

/** Forward for few queries: K first, scores as columns, which takes less than half the time at four of them. */
function columnsHead({ numpy: np }: Jax, { q, k, v }: Head, scale: number): HeadOutputs {
  const s = np.matmul(k, q.mul(scale).transpose());
  const shifted = np.exp(s.ref.sub(np.max(s, 0, keep)));
  const sums = np.sum(shifted.ref, 0, keep);
  return { out: np.matmul(shifted.div(sums).transpose(), v) };
}

const FEW = 8;
const up = (n: number): number => (n < FEW ? n : Math.ceil(n / 8) * 8);

/** All heads in one jitted function, or one for a head that is called for each. */
type Whole = "one jit" | "a jit a head" | "blocks of queries, a jit a head";

function attention(jax: Jax, workload: AttentionWorkload, whole: Whole): Ready {
  const { shape, variant, direction } = workload;
  const { heads, rows, keys, D, scale, masked } = unitsOf(shape);
  const inputs = ordinary(shape);
  /** Head h of [heads, n, D], padded with rows of zeros. */
  const part = (data: Float32Array, n: number, h: number) => {
    const padded = new Float32Array(up(n) * D);
    padded.set(data.subarray(h * n * D, (h + 1) * n * D));
    return jax.numpy.array(padded).reshape([up(n), D]);
  };
  const parts = Array.from(
    { length: heads },
    (_, h): Head => ({
      q: part(inputs.q, rows, h),
      k: part(inputs.k, keys, h),
      v: part(inputs.v, keys, h),
      ...(direction === "both" && { dout: part(inputs.dout, rows, h) }),
    }),
  );
  const blocks = whole.startsWith("blocks") ? blocksOf(shape, -1e30) : [];
  const masks = blocks.map(({ start, end, mask }) => jax.numpy.array(mask).reshape([end - start, end]));
  const [tall, wide] = [up(rows), up(keys)];
  const hides = blocks.length === 0 && (masked || keys < wide);
  const mask = hides && jax.numpy.array(additiveMask(tall, wide, masked, -1e30, keys)).reshape([tall, wide]);
  const withMask = (one: Head): Head => ({ ...jax.tree.ref(one), ...(mask && { mask: mask.ref }) });
  const few = rows < FEW && variant === "standard" && direction === "forward";
  const laser = variant === "laser";
  const compute = (one: Head, given: readonly Jarray[]) =>
    few ? columnsHead(jax, one, scale) : head(jax, one, { blocks, masks: given }, scale, laser);
  const single = jax.jit(compute);
  const together = jax.jit((all: Head[]) => all.map((one) => compute(one, [])));
  const run = (): HeadOutputs[] =>
    whole === "one jit"
      ? together(parts.map(withMask))
      : parts.map((one) => single(withMask(one), jax.tree.ref(masks)));
  return {
    call: async () => jax.tree.dispose(await jax.blockUntilReady(run())),
    read() {
      const results = run();
      const names = Object.keys(results[0]!) as (keyof HeadOutputs)[];
      const outputs = names.map((name) => {
        const n = name === "out" || name === "dq" ? rows : keys;
        return [name, join(results.map((result) => result[name]!.dataSync().subarray(0, n * D)))];
      });
      return Object.fromEntries(outputs) as Outputs;
    },
    dispose() {
      single.dispose();
      together.dispose();
      jax.tree.dispose([parts, mask, masks]);
    },
  };
}

function matmul(jax: Jax, { shape: { m, k, n } }: MatmulWorkload): Ready {
  const inputs = matmulInputs({ m, k, n });
  const [a, b] = [jax.numpy.array(inputs.a).reshape([m, k]), jax.numpy.array(inputs.b).reshape([k, n])];
  const run = jax.jit((a: Jarray, b: Jarray) => jax.numpy.matmul(a, b));
  return {
    call: async () => jax.tree.dispose(await jax.blockUntilReady(run(a.ref, b.ref))),
    read: () => ({ out: run(a.ref, b.ref).dataSync() }),
    dispose() {
      run.dispose();
      jax.tree.dispose([a, b]);
    },
  };
}

/** The library on its WebAssembly backend. */
export async function openJax(): Promise<Jax> {
  // Other peers leave Node's Worker behind as a global; jax-js would take it for a browser's, and fail.
  Object.defineProperty(globalThis, "Worker", { get: () => undefined, set() {} });
  const jax = await load<Jax>("@jax-js/jax");
  await jax.init("wasm");
  jax.defaultDevice("wasm");
  return jax;
}

export const jaxJs: Peer = {
  name: "jax-js",
  packages: ["@jax-js/jax"],
  async open() {
    const jax = await openJax();
    const formulate: Formulate = (workload) => {
      if (workload.kind === "matmul") return [{ name: "matmul", prepare: () => matmul(jax, workload) }];
      const ways: Whole[] = ["one jit", "a jit a head"];
      if (goesByBlocks(workload)) ways.push("blocks of queries, a jit a head");
      return ways.map((whole) => ({ name: whole, prepare: () => attention(jax, workload, whole) }));
    };
    return formulate;
  },
};
