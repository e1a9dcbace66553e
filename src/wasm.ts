import type { Kernels } from "./generated/kernel-types.js";
import { host, type Memory, type Module } from "./host.js";
import { PAGE } from "./shape.js";

export type { Kernels, Memory, Module };

/**
 * One binary of the kernels: hexadecimal digits, decoded and compiled once, however many instances are made; or a module that the host
 * compiled when it loaded the program, where nothing may be compiled from bytes (src/workerd). A plain object and not of a class, so that
 * bundlers leave it out where nobody uses it.
 */
export interface Binary {
  readonly hex?: () => string;
  /** Until it is compiled. */
  code?: Uint8Array | undefined;
  module?: Module;
  compiling?: Promise<Module> | undefined;
}

function codeOf(binary: Binary): Uint8Array {
  binary.code ??= decode(binary.hex!());
  return binary.code;
}

/** Whether the engine accepts the binary: `validate` fails when it lacks an instruction set. */
export function supports(binary: Binary): boolean {
  return binary.module !== undefined || host.WebAssembly?.validate(codeOf(binary)) === true;
}

function keep(binary: Binary, module: Module): Module {
  binary.module ??= module;
  binary.code = undefined;
  return binary.module;
}

export function moduleSync(binary: Binary): Module {
  return binary.module ?? keep(binary, new (webAssembly().Module)(codeOf(binary)));
}

/** The same without blocking. */
export async function moduleOf(binary: Binary): Promise<Module> {
  if (binary.module !== undefined) return binary.module;
  binary.compiling ??= webAssembly().compile(codeOf(binary));
  try {
    return keep(binary, await binary.compiling);
  } finally {
    binary.compiling = undefined;
  }
}

/** Servers and new browsers decode natively, where the loop would take longer than compiling (docs/design.md, "The package"). */
function decode(hex: string): Uint8Array {
  if (host.Buffer !== undefined) return host.Buffer.from(hex, "hex");
  if (host.Uint8Array.fromHex !== undefined) return host.Uint8Array.fromHex(hex);
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = 16 * digit(hex.charCodeAt(2 * i)) + digit(hex.charCodeAt(2 * i + 1));
  return bytes;
}

/** Of "0" to "9", codes 48 to 57, and "a" to "f", 97 to 102. */
const digit = (code: number): number => code - (code < 58 ? 48 : 87);

export function webAssembly(): NonNullable<typeof host.WebAssembly> {
  if (host.WebAssembly === undefined) throw new Error("laser-attention: this engine has no WebAssembly");
  return host.WebAssembly;
}

const noSimd = (): Error => new Error("laser-attention: this engine has no WebAssembly SIMD");

/** The first of `binaries` that the engine runs. */
export function probe<B extends { readonly binary: Binary }>(binaries: readonly B[]): B {
  webAssembly();
  const found = binaries.find(({ binary }) => supports(binary));
  if (found === undefined) throw noSimd();
  return found;
}

/** A module of one function: i32.const 0, i8x16.splat. */
// biome-ignore format: a section a line
const SIMD = [
  0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
  1, 5, 1, 0x60, 0, 1, 0x7b,
  3, 2, 1, 0,
  10, 8, 1, 6, 0, 0x41, 0, 0xfd, 0x0f, 0x0b,
];

/** Of kernels that the caller brings: what is wrong with the engine is said before what is wrong with them. */
export function requireSimd(): void {
  if (!webAssembly().validate(new Uint8Array(SIMD))) throw noSimd();
}

const INITIAL_PAGES = 16;

/**
 * Tensors lie behind the static data of all modules, also of those that come later: below 4096 that of the attention kernels, from there on
 * that of the nn kernels (MODULES in scripts/kernels.mjs; test/kernels.test.ts holds both to it).
 */
export const STATIC_END = 8192;

/** A fresh memory, large enough for the static data of the kernels. */
export function createMemory(): Memory {
  return makeMemory({ initial: INITIAL_PAGES });
}

/**
 * The same, shared between threads: its limit is fixed at once, in bytes.
 * @throws TypeError where memory can't be shared.
 */
export function createSharedMemory(limit: number): Memory {
  return makeMemory({ initial: INITIAL_PAGES, maximum: Math.floor(limit / PAGE), shared: true });
}

function makeMemory(descriptor: { initial: number; maximum?: number; shared?: boolean }): Memory {
  const { Memory } = webAssembly();
  try {
    return new Memory(descriptor);
  } catch (error) {
    const { initial, maximum, shared } = descriptor;
    if (shared && error instanceof TypeError) throw error;
    const asked = `${initial * PAGE} bytes${shared ? `, shared, with room for ${maximum! * PAGE}` : ""}`;
    throw new RangeError(`laser-attention: cannot allocate ${asked}: the host refused the memory of a new instance`, {
      cause: error,
    });
  }
}

const engine = String(host.navigator?.userAgent);

/**
 * Which kernels are faster with products by lanes (assembly/lanes.ts): 0 none, 1 plain ones, 2 relaxed ones, 3 both. V8 checks the bounds of
 * every load in Deno and workerd; JavaScriptCore is slow at loads that fill all lanes; V8 before 13 (Node 21 to 23) runs out of
 * registers with six rows, which relaxed kernels have. Measured on x64; on ARM all stay as they are. No result depends on it.
 * docs/design.md has the times.
 */
export const lanes: number =
  host.process?.arch === "arm64"
    ? 0
    : /^(Deno|Bun|Cloudflare)/.test(engine)
      ? 3
      : /^Node.js.2[123]/.test(engine)
        ? 2
        : 0;

/** The exports of all modules together; where two have one name, that of the first. */
export function instantiateSync(modules: readonly Module[], memory: Memory): Kernels {
  return merged(modules.map((module) => new (webAssembly().Instance)(module, { env: { memory } })));
}

export async function instantiate(modules: readonly Module[], memory: Memory): Promise<Kernels> {
  return merged(await Promise.all(modules.map((module) => webAssembly().instantiate(module, { env: { memory } }))));
}

function merged(instances: readonly { readonly exports: unknown }[]): Kernels {
  const kernels: Kernels = Object.assign({}, ...instances.map(({ exports }) => exports).reverse());
  kernels.useLanes(lanes);
  return kernels;
}
