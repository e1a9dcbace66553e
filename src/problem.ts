import type { Arena } from "./arena.js";
import { Field, PROBLEM_BYTES, PROBLEM_STRIDE } from "./generated/problem.js";

/** A tensor of the struct: its pointer field, which its strides over batch, head and row follow. */
export type Placed = (typeof Field)["out" | "dq" | "dk" | "dv" | "dbias" | "dout" | "q" | "k" | "v" | "mask" | "bias"];

/** Writes and reads the Problem structs of an instance: one for each member of a call (assembly/team.ts), side by side. */
export class Problem {
  /** The first member's struct, which the others copy. */
  readonly ptr: number;
  /** Rows of the kernels that are one query, of as many heads (src/attention.ts, headsAsRows). */
  rowsOfQuery = 1;
  readonly #arena: Arena;
  #words: number;
  #ints: Int32Array;
  #floats: Float32Array;

  constructor(arena: Arena, members = 1) {
    this.#words = (members * PROBLEM_STRIDE) / 4;
    this.ptr = arena.allocate(4 * this.#words);
    this.#arena = arena;
    this.#ints = new Int32Array(0);
    this.#floats = new Float32Array(0);
    this.clear();
  }

  /** Sets all fields to 0: absent, none, no stride. */
  clear(): void {
    this.attach();
    this.#ints.fill(0);
  }

  /**
   * Growth of memory detaches the arrays: to be called after anything that may allocate, before fields are written. (Looking
   * for it in each write would take a microsecond a call.)
   */
  attach(): void {
    const { buffer } = this.#arena;
    if (this.#ints.buffer === buffer) return;
    this.#ints = this.#arena.i32(this.ptr, this.#words);
    this.#floats = this.#arena.f32(this.ptr, this.#words);
  }

  /** Address of a member's struct. */
  of(member: number): number {
    return this.ptr + member * PROBLEM_STRIDE;
  }

  /** Copies the first struct for the other members, each with scratch of its own: `scratch` bytes from the first one's on. */
  share(members: number, scratch: number, sleeps: boolean): void {
    this.integer(Field.members, members);
    this.integer(Field.sleeps, 1);
    for (let member = 1; member < members; member++) {
      const first = (member * PROBLEM_STRIDE) / 4;
      this.#ints.copyWithin(first, 0, PROBLEM_BYTES / 4);
      this.#ints[first + Field.member / 4] = member;
      this.#ints[first + Field.scratch / 4]! += member * scratch;
    }
    this.integer(Field.sleeps, sleeps ? 1 : 0);
  }

  /** Members that wait for the calling thread, or will, end, and no work is left for the others: it was cut off (assembly/team.ts). */
  leave(): void {
    this.attach();
    for (let at = Field.taken / 4; at < this.#words; at += PROBLEM_STRIDE / 4) Atomics.store(this.#ints, at, 2 ** 30);
    Atomics.store(this.#ints, Field.turn / 4, -(2 ** 31));
    Atomics.notify(this.#ints, Field.turn / 4);
  }

  /** From now on there is the first struct only: threads that were given up may still read theirs, which must not become zeros. */
  abandon(): void {
    this.#words = PROBLEM_STRIDE / 4;
    this.#ints = new Int32Array(0);
    this.attach();
  }

  /** Values above 2^31 wrap into the sign bit, which the kernels read as unsigned. */
  integer(field: Field, value: number): void {
    this.#ints[field >> 2] = value;
  }

  float(field: Field.scale | Field.softcap, value: number): void {
    this.#floats[field >> 2] = value;
  }

  /** A tensor's pointer in bytes and its strides in elements. */
  place(field: Placed, ptr: number, batch: number, head: number, row: number): void {
    const index = field >> 2;
    this.#ints[index] = ptr;
    this.#ints[index + 1] = batch;
    this.#ints[index + 2] = head;
    this.#ints[index + 3] = row;
  }

  /** An integer field as the kernels left it in each member's struct. */
  read(field: Field): number[] {
    this.attach();
    const first = field / 4;
    const members = this.#ints[Field.members / 4]!;
    return Array.from({ length: members }, (_, member) => this.#ints[first + (member * PROBLEM_STRIDE) / 4]!);
  }
}
