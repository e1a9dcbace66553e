import type { Arena } from "./arena.js";
import { OFFSETS, PROBLEM_BYTES } from "./generated/problem.js";

/** A field of the struct in assembly/problem.ts. */
type Field = keyof typeof OFFSETS;

/** A tensor of the struct: its pointer field, which its strides over batch, head and row follow. */
type Placed = Extract<Field, "out" | "dq" | "dk" | "dv" | "dbias" | "dout" | "q" | "k" | "v" | "mask" | "bias">;

/** Writes and reads the one Problem struct of an instance. */
export class Problem {
  readonly ptr: number;
  readonly #arena: Arena;
  #ints: Int32Array;
  #floats: Float32Array;

  constructor(arena: Arena) {
    this.ptr = arena.allocate(PROBLEM_BYTES);
    this.#arena = arena;
    this.#ints = new Int32Array(0);
    this.#floats = new Float32Array(0);
    this.clear();
  }

  /** Sets all fields to 0: absent, none, no stride. */
  clear(): void {
    this.#derive();
    this.#ints.fill(0);
  }

  integer(field: Field, value: number): void {
    this.#derive();
    this.#ints[OFFSETS[field] >> 2] = value;
  }

  float(field: "scale" | "softcap", value: number): void {
    this.#derive();
    this.#floats[OFFSETS[field] >> 2] = value;
  }

  /** A tensor's pointer in bytes and its strides in elements. */
  place(name: Placed, ptr: number, batch: number, head: number, row: number): void {
    this.#derive();
    const index = OFFSETS[name] >> 2;
    this.#ints[index] = ptr;
    this.#ints[index + 1] = batch;
    this.#ints[index + 2] = head;
    this.#ints[index + 3] = row;
  }

  /** An integer field as the kernel left it. */
  read(field: Field): number {
    this.#derive();
    return this.#ints[OFFSETS[field] >> 2]!;
  }

  /** Growth detaches the arrays. Values above 2^31 wrap into the sign bit, which the kernels read as unsigned. */
  #derive(): void {
    const { buffer } = this.#arena;
    if (this.#ints.buffer === buffer) return;
    this.#ints = new Int32Array(buffer, this.ptr, PROBLEM_BYTES / 4);
    this.#floats = new Float32Array(buffer, this.ptr, PROBLEM_BYTES / 4);
  }
}
