/** Runs a case of the oracle on the package: lays its tensors out as asked, and brings the results back to [B, H, N, D]. */
import type { GradientName, LaserAttention, Tensor } from "../../src/index.js";
import { gradients, type Results } from "./bounds.js";
import type { Case, Numbers } from "./oracle.js";

/** Elements from a batch entry, a head and a row to the next one. */
export type Strides = readonly [b: number, h: number, n: number];

/** How the tensors of a call lie in memory. */
export interface Placement {
  layout?: "BHND" | "BNHD" | undefined;
  /**
   * "plain" (default): contiguous; "padded": wider rows; "other": stored as the other layout, rows apart;
   * "packed": q, k, v (and dq, dk, dv) interleaved in one base, which takes N = M.
   */
  storage?: "plain" | "padded" | "other" | "packed" | undefined;
  /** Inputs that lie so instead: their rows, heads or batch entries may share elements, which then hold one value. */
  strides?: Readonly<Record<"q" | "k" | "v" | "dout", Strides>> | undefined;
  /** Pass `out` and `into`, in `storage`. */
  into?: boolean | undefined;
  /** Gradients that are not asked for. */
  skip?: readonly GradientName[] | undefined;
}

type Four = readonly [number, number, number, number];
const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Swaps the two middle axes of [a0, a1, a2, a3]. */
export function swap(data: Numbers, [a0, a1, a2, a3]: Four): Float32Array {
  const swapped = new Float32Array(data.length);
  let n = 0;
  for (let x = 0; x < a0; x++) {
    for (let z = 0; z < a2; z++) {
      for (let y = 0; y < a1; y++) {
        for (let w = 0; w < a3; w++) swapped[n++] = data[((x * a1 + y) * a2 + z) * a3 + w]!;
      }
    }
  }
  return swapped;
}

/** Makes the tensors of a call as views of bases that hold `gap` wherever no view reaches. */
class Store {
  readonly #bases: Tensor[] = [];
  readonly #views: Tensor[] = [];

  constructor(
    readonly la: LaserAttention,
    readonly placement: Placement,
    readonly gap: number,
  ) {}

  #base(size: number): Tensor {
    const base = this.la.tensor(new Float32Array(size + 8).fill(this.gap), [size + 8]);
    this.#bases.push(base);
    return base;
  }

  #view(base: Tensor, [B, H, N, D]: Four, [b, h, n]: readonly number[], offset: number): Tensor {
    const bnhd = this.placement.layout === "BNHD";
    const shape = bnhd ? [B, N, H, D] : [B, H, N, D];
    const view = base.view(shape, bnhd ? [b!, n!, h!, 1] : [b!, h!, n!, 1], offset);
    this.#views.push(view);
    return view;
  }

  place(shape: Four, strides?: Strides): Tensor {
    const { storage = "plain", layout } = this.placement;
    const [B, H, N, D] = shape;
    if (strides) return this.#view(this.#base(product(shape)), shape, strides, 0);
    const rowsOutside = (layout === "BNHD") !== (storage === "other"); // memory runs over N before H
    const gap = storage === "plain" ? 0 : 5;
    if (rowsOutside)
      return this.#view(this.#base(B * N * (H * D + gap)), shape, [N * (H * D + gap), D, H * D + gap], gap);
    return this.#view(this.#base(B * H * N * (D + gap)), shape, [H * N * (D + gap), N * (D + gap), D + gap], gap);
  }

  placeThree({ B, H, Hkv, N, M, D, E }: Case): Tensor[] {
    const shapes: Four[] = [
      [B, H, N, D],
      [B, Hkv, M, D],
      [B, Hkv, M, E],
    ];
    const { storage, strides } = this.placement;
    const own = strides && [strides.q, strides.k, strides.v];
    if (own || storage !== "packed") return shapes.map((shape, n) => this.place(shape, own?.[n]));
    const width = H * D + Hkv * (D + E);
    const base = this.#base(B * Math.max(N, 1) * width); // views of nothing still lie inside
    const offsets = [0, H * D, (H + Hkv) * D];
    return shapes.map((shape, n) => this.#view(base, shape, [N * width, shape[3], width], offsets[n]!));
  }

  /** data is [B, H, N, D], whatever the layout. */
  write(tensor: Tensor, data: Numbers): Tensor {
    const [B, x, y, D] = tensor.shape as Four;
    tensor.set(this.placement.layout === "BNHD" ? swap(data, [B, y, x, D]) : Float32Array.from(data));
    return tensor;
  }

  read(tensor: Tensor): Float32Array {
    const data = tensor.toArray();
    return this.placement.layout === "BNHD" ? swap(data, tensor.shape as Four) : data;
  }

  /** Throws when an element outside the views no longer holds `gap`. */
  assertUntouched(): void {
    for (const view of this.#views) view.set(new Float32Array(product(view.shape)).fill(this.gap));
    if (this.#bases.every((base) => base.data.every((x) => x === this.gap))) return;
    throw new Error("the call wrote outside out or a gradient");
  }
}

/** Mask or bias with the rows `apart` elements longer than needed, filled with `gap`. */
function scores<T extends Float32Array | Uint8Array>(data: T, shape: Four, apart: number, gap: number) {
  const [B, H, N, M] = shape;
  const wide = M + apart;
  const base = new (data.constructor as new (n: number) => T)(B * H * N * wide).fill(gap);
  for (let row = 0; row < B * H * N; row++) base.set(data.subarray(row * M, (row + 1) * M), row * wide);
  return { base: base as T, wide: [B, H, N, wide] };
}

/** Forward and backward of a case. Every gradient that is not skipped is in the result. */
export function run(la: LaserAttention, c: Case, placement: Placement = {}): Results {
  const { layout, storage = "plain", strides, into, skip = [] } = placement;
  return la.scope(() => {
    const inputs = new Store(la, placement, Number.NaN); // what lies between the rows of an input must not matter
    const outputs = new Store(la, { ...placement, strides: undefined }, 7);
    const [q, k, v] = inputs.placeThree(c).map((tensor, n) => inputs.write(tensor, [c.q, c.k, c.v][n]!)) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const outShape: Four = [c.B, c.H, c.N, c.E];
    const dout = inputs.write(inputs.place(outShape, strides?.dout), c.dout);
    const apart = storage === "plain" ? 0 : 3;
    const mask = c.mask && scores(Uint8Array.from(c.mask.data), c.mask.shape, apart, 1);
    const bias = c.bias && scores(Float32Array.from(c.bias.data), c.bias.shape, apart, Number.NaN);
    const { variant, causal, window, align, scale, softcap, alibi } = c;
    const saved = la.attentionForward(q, k, v, {
      ...{ variant, causal, window, align, scale, softcap, layout },
      alibi: typeof alibi === "object" ? Float32Array.from(alibi) : alibi,
      mask: mask && la.tensor(mask.base, mask.wide).narrow(3, 0, c.M),
      bias: bias && la.tensor(bias.base, bias.wide).narrow(3, 0, c.M),
      out: into ? outputs.place(outShape) : undefined,
    });
    const [dq, dk, dv] = into ? outputs.placeThree(c) : [];
    const given = { dq, dk, dv };
    const got = la.attentionBackward(dout, saved, {
      into: Object.fromEntries(Object.entries(given).filter(([name]) => !skip.includes(name as GradientName))),
      needs: Object.fromEntries(skip.map((name) => [name, false])),
    });
    const results: Results = { out: outputs.read(saved.out), lse: saved.lse.toArray() };
    for (const name of gradients) {
      const tensor = got[name];
      if ((tensor === undefined) !== (skip.includes(name) || (name === "dbias" && !c.bias))) {
        throw new Error(`${name} is ${tensor ? "" : "not "}there`);
      }
      const target = name === "dbias" ? undefined : given[name];
      if (tensor && target && tensor !== target) throw new Error(`${name} must be the tensor of into`);
      if (tensor) results[name] = name === "dbias" ? tensor.toArray() : outputs.read(tensor);
    }
    if (into) outputs.assertUntouched();
    return results;
  });
}
