/** Layers of a training step in TensorFlow.js, each with what gives its gradients. Their x is [B N, C]. */
import type { Tensor, Tf } from "../peers/tfjs.js";
import type { Dense, Scored } from "./dense.js";
import { attention, type Columns, placesOf } from "./tfjs-attention.js";
import { EPS } from "./trainer.js";
import type { Workload } from "./workloads.js";

export type Parameters = Map<string, Tensor>;
/** Writes down the gradient of a parameter. */
export type Give = (name: string, gradient: Tensor) => void;
/** A result, and what gives the gradient of the input for that of the result. */
export type Layer = readonly [y: Tensor, back: (dy: Tensor) => Tensor];
export type Apply = (x: Tensor) => Layer;

const SQRT = Math.sqrt(2 / Math.PI);
const CUBE = 0.044715;

/** What a step is made of. */
export interface Parts {
  readonly tf: Tf;
  readonly workload: Workload;
  readonly form: Dense;
  readonly batch: Parameters;
  readonly parameters: Parameters;
  readonly give: Give;
}

export class Layers {
  constructor(readonly parts: Parts) {}

  /** What a layer has by this name. */
  of(name: string): Tensor {
    return this.parts.parameters.get(name)!;
  }

  sumRows(x: Tensor): Tensor {
    const { tf } = this.parts;
    return tf.reshape(tf.matMul(tf.ones([1, x.shape[0]!]), x), [x.shape[1]!]);
  }

  linear(x: Tensor, name: string): Layer {
    const { tf, give } = this.parts;
    const [w, b] = [this.of(`${name}.weight`), this.of(`${name}.bias`)];
    const y = tf.add(tf.matMul(x, tf.transpose(w)), b);
    const back = (dy: Tensor) => {
      give(`${name}.weight`, tf.matMul(tf.transpose(dy), x));
      give(`${name}.bias`, this.sumRows(dy));
      return tf.matMul(dy, w);
    };
    return [y, back];
  }

  norm(x: Tensor, name: string): Layer {
    const { tf, give } = this.parts;
    const [gamma, beta] = [this.of(`${name}.weight`), this.of(`${name}.bias`)];
    const centred = tf.sub(x, tf.mean(x, 1, true));
    const rstd = tf.rsqrt(tf.add(tf.mean(tf.mul(centred, centred), 1, true), EPS));
    const hat = tf.mul(centred, rstd);
    const back = (dy: Tensor) => {
      give(`${name}.weight`, this.sumRows(tf.mul(dy, hat)));
      give(`${name}.bias`, this.sumRows(dy));
      const dhat = tf.mul(dy, gamma);
      const along = tf.mul(hat, tf.mean(tf.mul(dhat, hat), 1, true));
      return tf.mul(rstd, tf.sub(tf.sub(dhat, tf.mean(dhat, 1, true)), along));
    };
    return [tf.add(tf.mul(hat, gamma), beta), back];
  }

  /** x s, where s is the sigmoid of u and `slope` is du/dx, if that is not 1. */
  #gated(x: Tensor, s: Tensor, slope?: () => Tensor): Layer {
    const { tf } = this.parts;
    const y = tf.mul(x, s);
    const back = (dy: Tensor) => {
      const inner = tf.mul(y, tf.sub(1, s));
      return tf.mul(dy, tf.add(s, slope ? tf.mul(inner, slope()) : inner));
    };
    return [y, back];
  }

  gelu(x: Tensor): Layer {
    const { tf } = this.parts;
    const square = tf.mul(x, x);
    const s = tf.sigmoid(tf.mul(x, tf.add(tf.mul(square, 2 * SQRT * CUBE), 2 * SQRT)));
    return this.#gated(x, s, () => tf.add(tf.mul(square, 6 * SQRT * CUBE), 2 * SQRT));
  }

  silu(x: Tensor): Layer {
    return this.#gated(x, this.parts.tf.sigmoid(x));
  }

  /** The layers one after the other, each on the result of the one before. */
  chain(x: Tensor, layers: readonly Apply[]): Layer {
    let y = x;
    const backs = layers.map((layer) => {
      const [next, back] = layer(y);
      y = next;
      return back;
    });
    return [y, (dy) => backs.reduceRight((d, back) => back(d), dy)];
  }

  /** x + factor times the chain of layers; x, or what `take` takes of it. */
  residual(x: Tensor, layers: readonly Apply[], factor = 1, take: Apply = (y) => [y, (dy) => dy]): Layer {
    const { tf } = this.parts;
    const [y, back] = this.chain(x, layers);
    const [taken, giveBack] = take(x);
    const scaled = (z: Tensor) => (factor === 1 ? z : tf.mul(z, factor));
    return [tf.add(taken, scaled(y)), (dy) => tf.add(giveBack(dy), back(scaled(dy)))];
  }

  attention(x: Tensor, name: string, scored?: Scored): Layer {
    const attend = (y: Tensor) => (scored ? this.#few(y, name, scored) : this.#attend(y, name));
    return this.chain(x, [attend, (y) => this.linear(y, `${name}.proj`)]);
  }

  #attend(x: Tensor, name: string): Layer {
    const { tf, workload, form, batch } = this.parts;
    const { batch: B, width: C } = workload.sizes;
    const [qkv, backQkv] = this.linear(x, `${name}.qkv`);
    const thirds = (data: Float32Array): [Columns, Columns, Columns] => {
      const third = (n: number) => ({ data, column: n * C, stride: 3 * C });
      return [third(0), third(1), third(2)];
    };
    const places = placesOf(B, form.rows);
    const [out, back] = attention(tf, thirds(qkv.dataSync()), workload, places, batch.get("mask"));
    const give = (dout: Tensor): Tensor => {
      const [rows, width] = qkv.shape as [number, number];
      const dqkv = new Float32Array(rows * width);
      back(dout, thirds(dqkv));
      return backQkv(tf.tensor2d(dqkv, [rows, width]));
    };
    return [out, give];
  }

  /** The same of what is scored: of the other rows, keys and values alone. */
  #few(x: Tensor, name: string, scored: Scored): Layer {
    const { tf, workload, form, batch } = this.parts;
    const [few, giveBack] = this.take(x, scored);
    const parts = ["q", "k", "v"].map((part, n) => this.linear(n === 0 ? few : x, `${name}.${part}`));
    const whole = (data: Float32Array): Columns => ({ data, column: 0, stride: workload.sizes.width });
    const [q, k, v] = parts.map(([y]) => whole(y.dataSync()));
    const places = placesOf(scored.length, form.rows, scored);
    const [out, back] = attention(tf, [q!, k!, v!], workload, places, batch.get("mask"));
    const give = (dout: Tensor): Tensor => {
      const gradients = parts.map(([y]) => new Float32Array(y.shape[0]! * y.shape[1]!));
      back(dout, gradients.map(whole));
      const [dq, dk, dv] = parts.map(([y, backPart], n) =>
        backPart(tf.tensor2d(gradients[n]!, y.shape as [number, number])),
      );
      return tf.add(tf.add(giveBack(dq!), dk!), dv!);
    };
    return [out, give];
  }

  /** The rows that are scored, one after the other. */
  take(x: Tensor, scored: Scored): Layer {
    const { tf } = this.parts;
    const [all, C] = x.shape as [number, number];
    const N = all / scored.length;
    const rows = scored.flatMap((places, b) => places.map((n) => b * N + n));
    const [from, y] = [x.dataSync(), new Float32Array(rows.length * C)];
    for (const [n, row] of rows.entries()) y.set(from.subarray(row * C, (row + 1) * C), n * C);
    const back = (dy: Tensor): Tensor => {
      const [dfrom, dx] = [dy.dataSync(), new Float32Array(all * C)];
      for (const [n, row] of rows.entries()) dx.set(dfrom.subarray(n * C, (n + 1) * C), row * C);
      return tf.tensor2d(dx, [all, C]);
    };
    return [tf.tensor2d(y, [rows.length, C]), back];
  }
}
