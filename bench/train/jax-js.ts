/**
 * A training step in jax-js on its WebAssembly backend: loss and gradient are one `jit`, sizes are padded to multiples of 8,
 * embeddings are products with one-hot rows, queries, keys and values have a product each (cutting one in three takes longer),
 * GELU is written with exp, AdamW runs on typed arrays. Tried and slower: heads one at a time (10 times), a jit for each half
 * of a block (3 times), AdamW in the same jit (its reads compute the gradients again) or in one of its own (a third of a small
 * step). Its arrays are consumed by what they are passed to, hence `.ref`.
 */
import { type Jarray, type Jax, openJax, jaxJs as peer, type Tree } from "../peers/jax-js.js";
import { HostAdamW } from "./adamw.js";
import { type Dense, dense, type Matrix, type Scored } from "./dense.js";
import { conformerBlock } from "./jax-conformer.js";
import { Layers } from "./jax-layers.js";
import type { Library, Start, Trainer } from "./trainer.js";
import type { Workload } from "./workloads.js";

function transformerBlock(layers: Layers, x: Jarray, p: Tree, at: string, mask?: Jarray, picks?: Jarray): Jarray {
  const taken = picks ? layers.take(x.ref, picks.ref) : x.ref;
  const y = taken.add(layers.attention(layers.norm(x, p, `${at}.ln1`), p, `${at}.attn`, mask, picks));
  const hidden = layers.gelu(layers.linear(layers.norm(y.ref, p, `${at}.ln2`), p, `${at}.fc`));
  return y.add(layers.linear(hidden, p, `${at}.out`));
}

/** What sizes are padded to a multiple of. */
const UNIT = 8;

/** The loss of a model in the form of dense.ts. */
function lossOf(jax: Jax, workload: Workload, { rows }: Dense): (p: Tree, x: Tree) => Jarray {
  const { numpy: np, nn } = jax;
  const { width: C, layers: L, batch: B } = workload.sizes;
  const conformer = workload.task.family === "conformer";
  const block = conformer ? conformerBlock : transformerBlock;
  const layers = new Layers(jax, workload, rows);
  return (p, { inputs, targets, mask, picks }) => {
    let x = np.matmul(inputs!, p.embed!).reshape([B, rows, C]);
    x = x.add(p.pos!).reshape([B * rows, C]);
    for (let n = 0; n < L; n++) x = block(layers, x, p, `blocks.${n}`, mask?.ref, n === L - 1 ? picks : undefined);
    mask?.dispose();
    const logits = layers.linear(conformer ? x : layers.norm(x, p, "lnf"), p, "head");
    return np.sum(nn.logSoftmax(logits, -1).mul(targets!)).mul(-1);
  };
}

/** With `picks`, which take what is scored of each batch entry, as many of all by rows of 0, and targets to match. */
function few({ rows, batch }: Dense, scored: Scored): Dense["batch"] {
  const targets = batch.get("targets")!;
  const classes = targets.shape[1]!;
  const most = UNIT * Math.ceil(Math.max(...scored.map((places) => places.length)) / UNIT);
  const picks = new Float32Array(scored.length * most * rows);
  const wanted = new Float32Array(scored.length * most * classes);
  let before = 0;
  for (const [b, places] of scored.entries()) {
    for (const [n, place] of places.entries()) picks[(b * most + n) * rows + place] = 1;
    const own = targets.data.subarray(before * classes, (before + places.length) * classes);
    wanted.set(own, b * most * classes);
    before += places.length;
  }
  return new Map([
    ...batch,
    ["picks", { data: picks, shape: [scored.length, most, rows] }],
    ["targets", { data: wanted, shape: [scored.length * most, classes] }],
  ]);
}

function trainer(jax: Jax, workload: Workload, start: Start): Trainer {
  const form = dense(workload, start, UNIT, "everywhere");
  const array = ({ data, shape }: Matrix): Jarray => jax.numpy.array(data).reshape(shape);
  const arrays = (all: Dense["batch"]): Tree => Object.fromEntries([...all].map(([name, x]) => [name, array(x)]));
  const gradient = jax.jit(jax.valueAndGrad(lossOf(jax, workload, form)));
  const batch = arrays(form.scored ? few(form, form.scored) : form.batch);
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
    const jax = await openJax();
    return (workload, start) => trainer(jax, workload, start);
  },
};
