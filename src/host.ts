/** The globals of the host that no ES2022 library declares, so that the sources need no DOM or Node typings. */

import type { Answer } from "./types.js";

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
    compile(bytes: ArrayBuffer | ArrayBufferView): Promise<Module>;
    instantiate(module: Module, imports: Imports): Promise<Instance>;
    Module: {
      new (bytes: ArrayBuffer | ArrayBufferView): Module;
      customSections(module: Module, name: string): ArrayBuffer[];
    };
    Instance: new (module: Module, imports: Imports) => Instance;
    Memory: new (descriptor: { initial: number; maximum?: number; shared?: boolean }) => Memory;
  };
  readonly SharedArrayBuffer?: unknown;
  /** Of browsers: whether shared memory may be handed to workers. */
  readonly crossOriginIsolated?: boolean;
  readonly navigator?: { readonly hardwareConcurrency?: number; readonly userAgent?: string };
  readonly process?: { readonly arch?: string; getBuiltinModule?(name: string): unknown };
  readonly Worker?: new (
    url: string | { readonly href: string },
    options: { type: "module" },
  ) => WorkerHandle & { postMessage(message: unknown): void; onerror: (event: { readonly message?: string }) => void };
  readonly console: { warn(message: string): void };
  /** Of a browser's worker. */
  onmessage: (event: { readonly data: unknown }) => void;
  readonly Buffer?: { from(text: string, encoding: "hex"): Uint8Array };
  readonly Uint8Array: { fromHex?(text: string): Uint8Array };
  readonly TextDecoder: new (
    encoding: "utf-8",
    options: { fatal?: boolean; ignoreBOM?: boolean },
  ) => { decode(bytes?: Uint8Array, options?: { stream?: boolean }): string };
  readonly TextEncoder: new () => { encode(text: string): Uint8Array };
  readonly URL: new (href: string) => { readonly href: string };
  fetch(address: string): Promise<Answer>;
  readonly performance: { now(): number };
  setTimeout(callback: () => void, ms: number): { unref?(): void };
}

export const host = globalThis as unknown as Host;

/** What the pool keeps of a worker. */
export interface WorkerHandle {
  terminate(): unknown;
}

interface NodeModules {
  "node:worker_threads": {
    readonly workerData: unknown;
    readonly Worker: new (source: string, options: { eval: true; workerData: unknown }) => ServerWorker;
  };
  "node:fs/promises": { readFile(file: { readonly href: string }): Promise<Uint8Array> };
  "node:os": { availableParallelism(): number };
}

interface ServerWorker extends WorkerHandle {
  unref(): void;
  on(event: "error", listener: (error: Error) => void): void;
  on(event: "exit", listener: () => void): void;
}

/** A built-in module of Node, Deno or Bun, with no import that a bundler for browsers would trip over. */
export function nodeModule<N extends keyof NodeModules>(name: N): NodeModules[N] | undefined {
  return host.process?.getBuiltinModule?.(name) as NodeModules[N] | undefined;
}
