import type { Arena } from "../arena.js";
import { ALIGNMENT } from "../blocks.js";
import type { Source, Storage } from "../space.js";

/**
 * Steps in a row, each less than half as large as the plan, after which its memory is given back: so many that a short batch now and
 * then costs no new plan, so few that one long prompt does not hold memory for good.
 */
const PATIENCE = 32;

/**
 * The most blocks of a step that is planned: finding places takes a time that grows with their square, seconds for 17,000, and a loop over a
 * text inside of one `evaluate` has any number. A step of the models has some tens of blocks a layer.
 */
const MOST = 4096;

/** One allocation of a step: its size, and the events (allocations and releases, counted) between which it is in use. */
interface Slot {
  bytes: number;
  readonly from: number;
  to: number;
  offset: number;
}

/**
 * The memory of a training step. The first step takes its blocks from the arena and takes notes; then every block gets a place
 * in one area, where blocks share bytes that are never in use at the same time. Later steps that ask for these sizes, or smaller
 * ones, in the same order get these places and allocate nothing. A larger block comes from the arena, and all get new places with
 * room for it; a step that does something else goes on in the arena, and the next one is noted anew, as after many small ones.
 */
export class Plan implements Source {
  readonly #arena: Arena;
  #slots: Slot[] = [];
  /** Address and bytes of the area, once there is a plan. */
  #area: { readonly ptr: number; readonly bytes: number } | undefined;
  /** Whether this step has kept to the plan so far. */
  #following = false;
  /** Whether this step is noted, from its first block on. */
  #noting = false;
  /** Whether a block of this step was larger than its place. */
  #grown = false;
  /** Bytes of all blocks of this step, one after the other, and steps in a row that asked for less than half of what was planned. */
  #asked = 0;
  #small = 0;
  #next = 0;
  #clock = 0;
  /** Blocks in use: by address, of the plan and of the arena. */
  readonly #open = new Map<number, Slot>();
  readonly #own = new Set<number>();
  readonly #storages: Storage[] = [];

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Bytes of the area: the most that a step of the largest blocks so far has in use at once, as well as places can be packed. */
  get bytes(): number {
    return this.#area?.bytes ?? 0;
  }

  begin(): void {
    this.#following = this.#area !== undefined;
    this.#noting = !this.#following;
    if (this.#noting) this.#slots = [];
    this.#grown = false;
    this.#asked = 0;
    this.#next = 0;
    this.#clock = 0;
  }

  allocate(size: number): number {
    this.#arena.writers?.settle();
    const bytes = ALIGNMENT * Math.max(1, Math.ceil(size / ALIGNMENT)); // an address of its own for an empty block too
    this.#asked += bytes;
    const planned = this.#following ? this.#slots[this.#next] : undefined;
    // A release that is late shows here as an event too few, before its bytes are given to another block.
    this.#following = planned?.from === this.#clock;
    const fits = this.#following && bytes <= planned!.bytes;
    const ptr = fits ? this.#area!.ptr + planned!.offset : this.#allocateOwn(bytes);
    if (!fits) this.#own.add(ptr);
    const slot = this.#following ? planned! : { bytes, from: this.#clock, to: Number.POSITIVE_INFINITY, offset: 0 };
    this.#clock++;
    if (this.#following) this.#next++;
    else if (this.#noting) this.#note(slot);
    if (this.#following && !fits) {
      slot.bytes = bytes;
      this.#grown = true;
    }
    this.#open.set(ptr, slot);
    return ptr;
  }

  /** One more block of a step without a plan; too many get none, and the arena serves them as well. */
  #note(slot: Slot): void {
    if (this.#slots.push(slot) <= MOST) return;
    this.#noting = false;
    this.#slots = [];
  }

  /** A block of the arena. Where there is no room for it beside an area in which nothing of this step lies, that area gives way. */
  #allocateOwn(bytes: number): number {
    try {
      return this.#arena.allocate(bytes);
    } catch (error) {
      if (!(error instanceof RangeError) || this.#area === undefined || this.#open.size > this.#own.size) throw error;
      this.dispose();
      // What was noted up to here holds for a step that followed the plan so far.
      this.#noting = this.#following;
      this.#slots.length = this.#next;
      this.#following = false;
      return this.#arena.allocate(bytes);
    }
  }

  release(ptr: number): void {
    const slot = this.#open.get(ptr);
    this.#open.delete(ptr);
    if (this.#own.delete(ptr)) this.#arena.release(ptr);
    if (slot === undefined) return;
    if (this.#following && slot.to !== this.#clock) this.#following = false;
    if (this.#noting) slot.to = this.#clock;
    this.#clock++;
  }

  /** Whether an address lies in a block of this step. */
  has(address: number): boolean {
    for (const [ptr, { bytes }] of this.#open) if (address >= ptr && address < ptr + bytes) return true;
    return false;
  }

  hold(storage: Storage): void {
    this.#storages.push(storage);
  }

  /** Ends every tensor of the step; makes the plan, or drops one that did not fit. `whole`: false for a step that threw. */
  end(whole: boolean): void {
    for (const storage of this.#storages) storage.alive = false;
    this.#storages.length = 0;
    for (const ptr of this.#own) this.#arena.release(ptr);
    this.#own.clear();
    if (this.#noting) for (const slot of this.#open.values()) slot.to = this.#clock;
    this.#open.clear();
    const noted = this.#noting;
    const kept = this.#following && this.#next === this.#slots.length;
    const all = this.#slots.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#small = 2 * this.#asked < all ? this.#small + 1 : 0;
    const fits = kept && this.#small < PATIENCE;
    if (!whole || !fits || this.#grown) this.dispose();
    if (whole && (noted || (fits && this.#grown))) this.#area = this.#allocateArea(place(this.#slots));
  }

  /**
   * Memory that is nearly full may have room for all blocks and none for them in one piece. The step is done by then: it
   * stays without a plan, and the next one takes notes again.
   */
  #allocateArea(bytes: number): { ptr: number; bytes: number } | undefined {
    try {
      return { ptr: this.#arena.allocate(bytes), bytes };
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }

  /** Gives the area back. */
  dispose(): void {
    if (this.#area !== undefined) this.#arena.release(this.#area.ptr);
    this.#area = undefined;
    this.#small = 0;
  }
}

/** Gives every slot the lowest offset that is free as long as it is in use, those in use longest first. Returns the bytes in all. */
function place(slots: readonly Slot[]): number {
  const placed: Slot[] = []; // by offset
  let end = 0;
  for (const slot of [...slots].sort((a, b) => b.to - b.from - (a.to - a.from) || b.bytes - a.bytes)) {
    slot.offset = 0;
    for (const other of placed) {
      if (other.from > slot.to || other.to < slot.from) continue;
      if (slot.offset + slot.bytes <= other.offset) break;
      slot.offset = Math.max(slot.offset, other.offset + other.bytes);
    }
    const at = placed.findIndex((other) => other.offset > slot.offset);
    placed.splice(at < 0 ? placed.length : at, 0, slot);
    end = Math.max(end, slot.offset + slot.bytes);
  }
  return end;
}
