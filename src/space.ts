import type { Arena } from "./arena.js";
import type { Blocks } from "./blocks.js";
import { complete } from "./disposable.js";
import { count, ITEM_BYTES, rowMajor, type Shape } from "./shape.js";
import { type AnyTensor, Tensor } from "./tensor.js";
import type { DType } from "./types.js";

/** Where blocks come from while a training step runs (src/nn/plan.ts); otherwise from the arena. */
export interface Source {
  allocate(bytes: number): number;
  release(ptr: number): void;
  /** Told of every storage, so that it can end those that outlive the step. */
  hold(storage: Storage): void;
}

/**
 * Told of storages that were dropped without dispose, of all instances: the V8 of Node 20 to 24 calls no registry of a process any more once one
 * is collected between the end of its targets and the callback. So this one stays, and holds no memory.
 */
let registry: FinalizationRegistry<Dropped> | undefined;

interface Dropped {
  readonly blocks: Blocks;
  readonly ptr: number;
}

/** Where the tensors of one instance live. */
export class Space {
  readonly arena: Arena;
  source: Source | undefined;
  /** What the innermost `scope` has to release; undefined outside of any scope. */
  made: Set<AnyTensor> | undefined;
  /** How many results the step that is open has recorded for its gradients. */
  recorded = 0;
  /** Ends the step or the evaluation that is open, if one is. */
  cut: (() => void) | undefined;
  /**
   * The safety net for storages that were dropped without dispose. Views hold their storage, so it outlives them. workerd
   * has it from the compatibility date 2025-05-05 on.
   */
  readonly registry: FinalizationRegistry<Dropped> | undefined;

  constructor(arena: Arena) {
    this.arena = arena;
    arena.yielded = () => {
      this.made = undefined;
      this.cut?.();
    };
    complete(Tensor, "Tensor", { [Symbol.for("nodejs.util.inspect.custom")]: Tensor.prototype.toString });
    if (typeof FinalizationRegistry === "undefined") return;
    registry ??= new FinalizationRegistry(({ blocks, ptr }) => blocks.release(ptr));
    this.registry = registry;
  }

  /** Runs `body`, whose tensors join `made`: those of a scope, or none. */
  scoped<R>(made: Set<AnyTensor> | undefined, body: () => R): R {
    this.arena.watch();
    const outer = this.made;
    this.made = made;
    try {
      return body();
    } finally {
      this.made = outer;
    }
  }

  /** A new row-major tensor, uninitialised; `spare` bytes behind it are for the kernels and belong to no view. */
  allocate<T extends DType>(shape: Shape, dtype: T, spare = 0): Tensor<T> {
    const { source } = this;
    const ptr = (source ?? this.arena).allocate(count(shape) * ITEM_BYTES[dtype] + spare);
    const storage: Storage = {
      space: this,
      source,
      ptr,
      length: count(shape),
      owners: 1,
      alive: true,
      scope: this.made,
    };
    if (source === undefined) this.registry?.register(storage, { blocks: this.arena.blocks, ptr }, storage);
    else source.hold(storage);
    const tensor = new Tensor<T>(storage, dtype, [...shape], rowMajor(shape), 0, true);
    this.made?.add(tensor as AnyTensor);
    return tensor;
  }
}

/** One block of memory, shared by a tensor and the views of it. */
export interface Storage {
  readonly space: Space;
  /** Where the block goes back to, if not to the arena. */
  readonly source: Source | undefined;
  readonly ptr: number;
  /** In elements. */
  readonly length: number;
  /** Owning tensors that are not disposed; the block is given back with the last one. */
  owners: number;
  alive: boolean;
  /** The scope that releases it. */
  scope: Set<AnyTensor> | undefined;
}
