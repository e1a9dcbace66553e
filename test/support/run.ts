/** Runs a case of the oracle on the package: lays its tensors out as asked, and brings the results back to [B, H, N, D]. */
import type { GradientName, LaserAttention, Tensor } from "../../src/index.js";
import { gradients, type Results } from "./bounds.js";
import type { Broadcast, Case, Numbers } from "./oracle.js";

/**
 * How the tensors of a call lie in memory.
 * storage: "plain" contiguous · "padded" a narrow of wider rows · "other" stored in the other layout, rows apart ·
 * "packed" q, k, v (and dq, dk, dv) interleaved in one base, for N = M.
 */
export interface Placement {
  layout?: "BHND" | "BNHD" | undefined;
  storage?: "plain" | "padded" | "other" | "packed" | undefined;
  /** Pass `out` and `into`, stored alike. */
  into?: boolean | undefined;
  /** Gradients not asked for. */
  skip?: readonly GradientName[] | undefined;
}

type Four = readonly [number, number, number, number];

/** Swaps the two middle axes of [a0, a1, a2, a3]. */
export function swap(data: Numbers, [a0, a1, a2, a3]: Four): Float32Array {
  const swapped = new Float32Array(data.length);
  let n = 0;
  for (let x = 0; x < a0; x++)
    for (let z = 0; z < a2; z++)
      for (let y = 0; y < a1; y++)
        for (let w = 0; w < a3; w++) swapped[n++] = data[((x * a1 + y) * a2 + z) * a3 + w]!;
  return swapped;
}

/** Outside the views that kernels may write, every base holds this; inputs have NaN there, which nobody may read. */
const UNTOUCHED = 7;

class Layout {
  readonly #bases = new Set<Tensor>();
  readonly #views: Tensor[] = [];

  constructor(
    readonly la: LaserAttention,
    readonly c: Case,
    readonly { layout, storage = "plain" }: Placement,
    readonly gap: number,
  ) {}

  #base(shape: number[]): Tensor {
    const size = shape.reduce((a, b) => a * b, 1);
    const base = this.la.tensor(new Float32Array(size).fill(this.gap), shape);
    this.#bases.add(base);
    return base;
  }

  #keep(view: Tensor): Tensor {
    this.#views.push(view);
    return view;
  }

  /** An unwritten tensor that stands for [B, H, N, D], in this layout. */
  make([B, H, N, D]: Four): Tensor {
    const [a, b] = this.layout === "BNHD" ? [N, H] : [H, N];
    if (this.storage === "plain") return this.#keep(this.#base([B, a, b, D]));
    if (this.storage === "padded") return this.#keep(this.#base([B, a, b, D + 5]).narrow(3, 2, D));
    const width = a * D + 5; // "other"
    return this.#keep(this.#base([B, b, width]).view([B, a, b, D], [b * width, D, width, 1], 3));
  }

  /** Unwritten tensors for q, k, v (or their gradients): views of one base when packed. */
  makeThree(): [Tensor, Tensor, Tensor] {
    const { B, H, Hkv, N, M, D, E } = this.c;
    const shapes: Four[] = [
      [B, H, N, D],
      [B, Hkv, M, D],
      [B, Hkv, M, E],
    ];
    if (this.storage !== "packed" || N !== M) return shapes.map((shape) => this.make(shape)) as [Tensor, Tensor, Tensor];
    const width = H * D + Hkv * (D + E);
    const base = this.#base([B, N, width]);
    let offset = 0;
    return shapes.map(([, heads, , wide]) => {
      const start = offset;
      offset += heads * wide;
      const shape = this.layout === "BNHD" ? [B, N, heads, wide] : [B, heads, N, wide];
      const [row, head] = [width, wide];
      const strides = this.layout === "BNHD" ? [N * width, row, head, 1] : [N * width, head, row, 1];
      return this.#keep(base.view(shape, strides, start));
    }) as [Tensor, Tensor, Tensor];
  }

  get layout(): Placement["layout"] {
    return this.placement.layout;
  }

  get storage(): string {
    return this.placement.storage ?? "plain";
  }

  /** Whether every element outside the views still holds what it was made with. */
  untouched(): boolean {
    let outside = 0;
    for (const view of this.#views) view.set(new Float32Array(view.shape.reduce((a, b) => a * b, 1)));
    for (const base of this.#bases) outside += base.toArray().reduce((sum, x) => sum + (x === this.gap ? 1 : 0), 0);
    const all = [...this.#bases].reduce((sum, base) => sum + base.shape.reduce((a, b) => a * b, 1), 0);
    return outside === all - this.#views.reduce((sum, view) => sum + view.shape.reduce((a, b) => a * b, 1), 0);
  }
}
