/**
 * A training step in TensorFlow.js on its WebAssembly backend. Gradients are written out and products are 2-D and without
 * transposed arguments, as in bench/peers/tfjs.ts; heads are cut on typed arrays, since `slice` copies its whole input;
 * sums over rows are products with ones; GELU is x sigmoid(2 u), sigmoid being XNNPACK's; AdamW runs on typed arrays.
 */
import { openTfjs, tfjs as peer } from "../peers/tfjs.js";
import { HostAdamW } from "./adamw.js";
import { type Dense, dense, type Matrix } from "./dense.js";
import { attention, type Tensor, type Tf } from "./tfjs-attention.js";
import { EPS, type Library, type Start, type Trainer } from "./trainer.js";
import type { Workload } from "./workloads.js";

type Parameters = Map<string, Tensor>;
/** Writes down the gradient of a parameter. */
type Give = (name: string, gradient: Tensor) => void;
/** A result, and what gives the gradient of the input for that of the result. */
type Layer = readonly [y: Tensor, back: (dy: Tensor) => Tensor];

const SQRT = Math.sqrt(2 / Math.PI);
const CUBE = 0.044715;

class Model {
  readonly #tf: Tf;
  readonly #p: Parameters;
  readonly #give: Give;

  constructor(tf: Tf, p: Parameters, give: Give) {
    this.#tf = tf;
    this.#p = p;
    this.#give = give;
  }

  sumRows(x: Tensor): Tensor {
    const tf = this.#tf;
    return tf.reshape(tf.matMul(tf.ones([1, x.shape[0]!]), x), [x.shape[1]!]);
  }

  linear(x: Tensor, name: string): Layer {
    const tf = this.#tf;
    const [w, b] = [this.#p.get(`${name}.weight`)!, this.#p.get(`${name}.bias`)!];
    const y = tf.add(tf.matMul(x, tf.transpose(w)), b);
    const back = (dy: Tensor) => {
      this.#give(`${name}.weight`, tf.matMul(tf.transpose(dy), x));
      this.#give(`${name}.bias`, this.sumRows(dy));
      return tf.matMul(dy, w);
    };
    return [y, back];
  }

  norm(x: Tensor, name: string): Layer {
    const tf = this.#tf;
    const [gamma, beta] = [this.#p.get(`${name}.weight`)!, this.#p.get(`${name}.bias`)!];
    const centred = tf.sub(x, tf.mean(x, 1, true));
    const rstd = tf.rsqrt(tf.add(tf.mean(tf.mul(centred, centred), 1, true), EPS));
    const hat = tf.mul(centred, rstd);
    const back = (dy: Tensor) => {
      this.#give(`${name}.weight`, this.sumRows(tf.mul(dy, hat)));
      this.#give(`${name}.bias`, this.sumRows(dy));
      const dhat = tf.mul(dy, gamma);
      const along = tf.mul(hat, tf.mean(tf.mul(dhat, hat), 1, true));
      return tf.mul(rstd, tf.sub(tf.sub(dhat, tf.mean(dhat, 1, true)), along));
    };
    return [tf.add(tf.mul(hat, gamma), beta), back];
  }

  gelu(x: Tensor): Layer {
    const tf = this.#tf;
    const square = tf.mul(x, x);
    const s = tf.sigmoid(tf.mul(x, tf.add(tf.mul(square, 2 * SQRT * CUBE), 2 * SQRT)));
    const y = tf.mul(x, s);
    const back = (dy: Tensor) => {
      const slope = tf.add(tf.mul(square, 6 * SQRT * CUBE), 2 * SQRT);
      return tf.mul(dy, tf.add(s, tf.mul(tf.mul(y, tf.sub(1, s)), slope)));
    };
    return [y, back];
  }

  /** x + the layers one after the other, each on the result of the one before. */
  residual(x: Tensor, layers: readonly ((x: Tensor) => Layer)[]): Layer {
    let y = x;
    const backs = layers.map((layer) => {
      const [next, back] = layer(y);
      y = next;
      return back;
    });
    const back = (dy: Tensor) =>
      this.#tf.add(
        dy,
        backs.reduceRight((d, one) => one(d), dy),
      );
    return [this.#tf.add(x, y), back];
  }
}

/** Loss, with all gradients given. */
function step(tf: Tf, workload: Workload, form: Dense, batch: Parameters, p: Parameters, give: Give): number {
  const { sizes } = workload;
  const { rows, first } = form;
  const [B, C] = [sizes.batch, sizes.width];
  const model = new Model(tf, p, give);
  const [inputs, targets] = [batch.get("inputs")!, batch.get("targets")!];
  const embedded = tf.reshape(tf.matMul(inputs, p.get("embed")!), [B, rows * C]);
  let x = tf.reshape(tf.add(embedded, tf.reshape(p.get("pos")!, [rows * C])), [B * rows, C]);
  const backs: ((dy: Tensor) => Tensor)[] = [];
  const run = ([y, back]: Layer): void => {
    x = y;
    backs.push(back);
  };
  for (let layer = 0; layer < sizes.layers; layer++) {
    const at = `blocks.${layer}`;
    run(
      model.residual(x, [
        (y) => model.norm(y, `${at}.ln1`),
        (y) => model.linear(y, `${at}.attn.qkv`),
        (y) => attention(tf, y, workload, rows, batch.get("mask")),
        (y) => model.linear(y, `${at}.attn.proj`),
      ]),
    );
    run(
      model.residual(x, [
        (y) => model.norm(y, `${at}.ln2`),
        (y) => model.linear(y, `${at}.fc`),
        (y) => model.gelu(y),
        (y) => model.linear(y, `${at}.out`),
      ]),
    );
  }
  if (first) run(firstRow(tf, x, B));
  run(model.norm(x, "lnf"));
  run(model.linear(x, "head"));
  const shifted = tf.sub(x, tf.max(x, 1, true));
  const sums = tf.sum(tf.exp(shifted), 1, true);
  const loss = -tf.sum(tf.mul(targets, tf.sub(shifted, tf.log(sums)))).dataSync()[0]!;
  // A row without a target has no gradient: each counts as much as its targets add up to.
  const dlogits = tf.sub(tf.mul(tf.div(tf.exp(shifted), sums), tf.sum(targets, 1, true)), targets);
  const dx = backs.reduceRight((d, back) => back(d), dlogits);
  give("embed", tf.matMul(tf.transpose(inputs), dx));
  // A copy: the backend keeps a right factor packed by its data, which a reshaped tensor shares.
  give("pos", tf.reshape(model.sumRows(tf.reshape(tf.add(dx, 0), [B, rows * C])), [rows, C]));
  return loss;
}

/** The first of the rows of each batch entry. */
function firstRow(tf: Tf, x: Tensor, B: number): Layer {
  const [all, C] = x.shape as [number, number];
  const pick = (from: Float32Array, fromStride: number, size: number, stride: number): Float32Array => {
    const to = new Float32Array(size);
    for (let b = 0; b < B; b++) to.set(from.subarray(b * fromStride, b * fromStride + C), b * stride);
    return to;
  };
  const long = (all / B) * C;
  const y = tf.tensor2d(pick(x.dataSync(), long, B * C, C), [B, C]);
  return [y, (dy) => tf.tensor2d(pick(dy.dataSync(), C, all * C, long), [all, C])];
}

function trainer(tf: Tf, workload: Workload, start: Start): Trainer {
  const form = dense(workload, start, 1, false);
  const tensor = ({ data, shape }: Matrix): Tensor => tf.tensor(data, shape);
  const all = (from: Dense["batch"]): Parameters => new Map([...from].map(([name, x]) => [name, tensor(x)]));
  const batch = all(form.batch);
  const parameters = all(form.parameters);
  const optimizer = new HostAdamW(form.parameters);
  return {
    step() {
      const gradients = new Map<string, Float32Array>();
      const give: Give = (name, gradient) => gradients.set(name, gradient.dataSync());
      const loss = tf.tidy(() => step(tf, workload, form, batch, parameters, give));
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
    const tf = await openTfjs<Tf>();
    return (workload, start) => trainer(tf, workload, start);
  },
};
