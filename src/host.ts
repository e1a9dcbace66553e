/** The globals of the host that no ES2022 library declares, so that the sources need no DOM or Node typings. */

export interface Memory {
  readonly buffer: ArrayBuffer;
  /** Grows by `pages` of 64 KiB; throws when the host refuses. */
  grow(pages: number): number;
}

/** A compiled WebAssembly.Module. */
export interface Module {
  readonly [Symbol.toStringTag]: string;
}

interface Instance {
  readonly exports: unknown;
}

type Imports = Record<string, Record<string, unknown>>;

interface Host {
  readonly WebAssembly?: {
    validate(bytes: Uint8Array): boolean;
    compile(bytes: Uint8Array): Promise<Module>;
    instantiate(module: Module, imports: Imports): Promise<Instance>;
    Module: new (bytes: Uint8Array) => Module;
    Instance: new (module: Module, imports: Imports) => Instance;
    Memory: new (descriptor: { initial: number }) => Memory;
  };
  atob(text: string): string;
  readonly performance: { now(): number };
  setTimeout(callback: () => void, ms: number): unknown;
}

export const host = globalThis as unknown as Host;
