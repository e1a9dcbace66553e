/**
 * A training step in TensorFlow.js on its WebAssembly backend. Gradients are written out and products are 2-D and without
 * transposed arguments, as in bench/peers/tfjs.ts; heads are cut on typed arrays, since `slice` copies its whole input;
 * sums over rows are products with ones; GELU is x sigmoid(2 u), sigmoid being XNNPACK's; AdamW runs on typed arrays.
 */
import { openTfjs, tfjs as peer, type Tensor, type Tf } from "../peers/tfjs.js";
import { HostAdamW } from "./adamw.js";
import { type Dense, dense, type Matrix, type Scored } from "./dense.js";
import { conformerBlock } from "./tfjs-conformer.js";
import { type Apply, type Give, Layers, type Parameters, type Parts } from "./tfjs-layers.js";
import type { Library, Start, Trainer } from "./trainer.js";
import type { Workload } from "./workloads.js";

/** `scored`: of the last block. */
function transformerBlock(layers: Layers, at: string, scored?: Scored): readonly Apply[] {
  const attention: Apply[] = [(y) => layers.norm(y, `${at}.ln1`), (y) => layers.attention(y, `${at}.attn`, scored)];
  const feedForward: Apply[] = [
    (y) => layers.norm(y, `${at}.ln2`),
    (y) => layers.linear(y, `${at}.fc`),
    (y) => layers.gelu(y),
    (y) => layers.linear(y, `${at}.out`),
  ];
  const taken = scored && ((x: Tensor) => layers.take(x, scored));
  return [(x) => layers.residual(x, attention, 1, taken), (x) => layers.residual(x, feedForward)];
}

/** From the tokens to the scores. */
function body(layers: Layers): readonly Apply[] {
  const { workload, form } = layers.parts;
  const conformer = workload.task.family === "conformer";
  const block = conformer ? conformerBlock : transformerBlock;
  const { layers: L } = workload.sizes;
  const scored = (n: number) => (n === L - 1 ? form.scored : undefined);
  const blocks = Array.from({ length: L }, (_, n) => block(layers, `blocks.${n}`, scored(n)));
  const norm: Apply[] = conformer ? [] : [(x) => layers.norm(x, "lnf")];
  return [...blocks.flat(), ...norm, (x) => layers.linear(x, "head")];
}

/** Loss, with all gradients given. */
function step(parts: Parts): number {
  const { tf, workload, form, batch, parameters: p, give } = parts;
  const { rows } = form;
  const [B, C] = [workload.sizes.batch, workload.sizes.width];
  const layers = new Layers(parts);
  const [inputs, targets] = [batch.get("inputs")!, batch.get("targets")!];
  const embedded = tf.reshape(tf.matMul(inputs, p.get("embed")!), [B, rows * C]);
  const x = tf.reshape(tf.add(embedded, tf.reshape(p.get("pos")!, [rows * C])), [B * rows, C]);
  const [logits, back] = layers.chain(x, body(layers));
  const shifted = tf.sub(logits, tf.max(logits, 1, true));
  const sums = tf.sum(tf.exp(shifted), 1, true);
  const loss = -tf.sum(tf.mul(targets, tf.sub(shifted, tf.log(sums)))).dataSync()[0]!;
  // Each row counts as much as its targets add up to.
  const dx = back(tf.sub(tf.mul(tf.div(tf.exp(shifted), sums), tf.sum(targets, 1, true)), targets));
  give("embed", tf.matMul(tf.transpose(inputs), dx));
  // A copy: the backend keeps a right factor packed by its data, which a reshaped tensor shares.
  give("pos", tf.reshape(layers.sumRows(tf.reshape(tf.add(dx, 0), [B, rows * C])), [rows, C]));
  return loss;
}

function trainer(tf: Tf, workload: Workload, start: Start): Trainer {
  const form = dense(workload, start, 1, "for few rows");
  const tensor = ({ data, shape }: Matrix): Tensor => tf.tensor(data, shape);
  const all = (from: Dense["batch"]): Parameters => new Map([...from].map(([name, x]) => [name, tensor(x)]));
  const batch = all(form.batch);
  const parameters = all(form.parameters);
  const optimizer = new HostAdamW(form.parameters);
  return {
    step() {
      const gradients = new Map<string, Float32Array>();
      const give: Give = (name, gradient) => gradients.set(name, gradient.dataSync());
      const loss = tf.tidy(() => step({ tf, workload, form, batch, parameters, give }));
      optimizer.step(
        (name) => gradients.get(name)!,
        (name, parameter) => {
          tf.dispose(parameters.get(name));
          // A copy: the backend may read the array only when the tensor is first used.
          parameters.set(name, tensor({ ...parameter, data: parameter.data.slice() }));
        },
      );
      return loss;
    },
    dispose: () => tf.dispose([...parameters.values(), ...batch.values()]),
  };
}

export const tfjs: Library = {
  name: peer.name,
  packages: peer.packages,
  async open() {
    const tf = await openTfjs();
    return (workload, start) => trainer(tf, workload, start);
  },
};
