/**
 * A training step in jax-js on its WebAssembly backend: loss and gradient are one `jit`, sizes are padded to multiples of 8,
 * embeddings are products with one-hot rows, queries, keys and values have a product each (cutting one in three takes longer),
 * GELU is written with exp, AdamW runs on typed arrays. Tried and slower: heads one at a time (10 times), a jit for each half
 * of a block (3 times), AdamW in the same jit (its reads compute the gradients again) or in one of its own (a third of a small
 * step). Its arrays are consumed by what they are passed to, hence `.ref`.
 */
import { openJax, jaxJs as peer } from "../peers/jax-js.js";
import { HostAdamW } from "./adamw.js";
import { type Dense, dense, type Matrix } from "./dense.js";
import { EPS, type Library, type Start, type Trainer } from "./trainer.js";
import type { Workload } from "./workloads.js";

interface Jarray {
  readonly ref: Jarray;
  reshape(shape: readonly number[]): Jarray;
  transpose(axes?: readonly number[]): Jarray;
  add(other: Jarray | number): Jarray;
  sub(other: Jarray | number): Jarray;
  mul(other: Jarray | number): Jarray;
  div(other: Jarray | number): Jarray;
  slice(...index: (number | readonly [number, number] | readonly [])[]): Jarray;
  dataSync(): Float32Array;
  dispose(): void;
}
type Keep = { keepdims: boolean };
type Tree = Record<string, Jarray>;

/** What is used of the package's API. */
interface Jax {
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
    max(x: Jarray, axis: number, keep: Keep): Jarray;
    mean(x: Jarray, axis: number, keep: Keep): Jarray;
    sum(x: Jarray, axis?: number, keep?: Keep): Jarray;
  };
  lax: { stopGradient(x: Jarray): Jarray };
}

const SQRT = Math.sqrt(2 / Math.PI);
const keep: Keep = { keepdims: true };

/** The loss of a model in the form of dense.ts. */
function lossOf(jax: Jax, { variant, sizes }: Workload, { rows, first }: Dense): (p: Tree, x: Tree) => Jarray {
  const { numpy: np, nn, lax } = jax;
  const { width: C, heads: H, layers, batch: B } = sizes;
  const D = C / H;
  const linear = (x: Jarray, p: Tree, name: string) =>
    np.matmul(x, p[`${name}.weight`]!.transpose()).add(p[`${name}.bias`]!);
  const norm = (x: Jarray, p: Tree, name: string) => {
    const centred = x.ref.sub(np.mean(x, -1, keep));
    const variance = np.mean(centred.ref.mul(centred.ref), -1, keep);
    return centred
      .div(np.sqrt(variance.add(EPS)))
      .mul(p[`${name}.weight`]!)
      .add(p[`${name}.bias`]!);
  };
  /** With tanh: x / (1 + exp(-2 u)), which takes half the time of the package's own. */
  const gelu = (x: Jarray) => {
    const slope = x.ref
      .mul(x.ref)
      .mul(-2 * 0.044715 * SQRT)
      .add(-2 * SQRT);
    return x.ref.div(np.exp(slope.mul(x)).add(1));
  };
  const attention = (x: Jarray, p: Tree, name: string, mask: Jarray | undefined) => {
    const part = (one: string, of: Jarray) =>
      linear(of, p, `${name}.${one}`)
        .reshape([B, rows, H, D])
        .transpose([2, 0, 1, 3])
        .reshape([H * B, rows, D]);
    const [q, k, v] = [part("q", x.ref), part("k", x.ref), part("v", x)];
    const products = np.matmul(q.mul(1 / Math.sqrt(D)), k.transpose([0, 2, 1]));
    const weights = nn.softmax(mask ? products.add(mask) : products, -1);
    let out: Jarray;
    if (variant === "laser") {
      const c = lax.stopGradient(np.max(v.ref, 1, keep));
      out = np.log(np.matmul(weights, np.exp(v.sub(c.ref)))).add(c);
    } else out = np.matmul(weights, v);
    return out
      .reshape([H, B, rows, D])
      .transpose([1, 2, 0, 3])
      .reshape([B * rows, C]);
  };
  return (p, { inputs, targets, mask }) => {
    let x = np.matmul(inputs!, p.embed!).reshape([B, rows, C]);
    x = x.add(p.pos!).reshape([B * rows, C]);
    for (let layer = 0; layer < layers; layer++) {
      const at = `blocks.${layer}`;
      const seen = attention(norm(x.ref, p, `${at}.ln1`), p, `${at}.attn`, mask?.ref);
      x = x.add(linear(seen, p, `${at}.attn.proj`));
      const hidden = gelu(linear(norm(x.ref, p, `${at}.ln2`), p, `${at}.fc`));
      x = x.add(linear(hidden, p, `${at}.out`));
    }
    mask?.dispose();
    if (first) x = x.reshape([B, rows, C]).slice([], 0);
    const logits = linear(norm(x, p, "lnf"), p, "head");
    return np.sum(nn.logSoftmax(logits, -1).mul(targets!)).mul(-1);
  };
}

function trainer(jax: Jax, workload: Workload, start: Start): Trainer {
  const form = dense(workload, start, 8, true);
  const array = ({ data, shape }: Matrix): Jarray => jax.numpy.array(data).reshape(shape);
  const arrays = (all: Dense["batch"]): Tree => Object.fromEntries([...all].map(([name, x]) => [name, array(x)]));
  const gradient = jax.jit(jax.valueAndGrad(lossOf(jax, workload, form)));
  const batch = arrays(form.batch);
  const parameters = arrays(form.parameters);
  const optimizer = new HostAdamW(form.parameters);
  return {
    async step() {
      const [loss, g] = await jax.blockUntilReady(gradient(jax.tree.ref(parameters), jax.tree.ref(batch)));
      optimizer.step(
        (name) => g[name]!.dataSync(),
        (name, parameter) => {
          parameters[name]!.dispose();
          parameters[name] = array(parameter);
        },
      );
      return loss.dataSync()[0]!;
    },
    dispose() {
      jax.tree.dispose([parameters, batch]);
      gradient.dispose();
    },
  };
}

export const jaxJs: Library = {
  name: peer.name,
  packages: peer.packages,
  async open() {
    const jax = await openJax<Jax>();
    return (workload, start) => trainer(jax, workload, start);
  },
};
