/** Where compiled kernels come from: the binary inside the entry, or what the caller brings as `wasm`. */
import { show, tag } from "./check.js";
import type { Simd } from "./facade.js";
import { VERSION } from "./generated/version.js";
import { host, nodeModule } from "./host.js";
import type { Answer, AsyncKernelSource, KernelSource } from "./types.js";
import { type Binary, type Module, moduleOf, moduleSync, probe, requireSimd, webAssembly } from "./wasm.js";

/** A build of the kernels. */
export interface Build {
  readonly simd: Simd;
  readonly binary: Binary;
}

/** Kernels that the engine has accepted: those of attention first. */
export interface Compiled {
  readonly simd: Simd;
  readonly modules: readonly Module[];
}

/** Builds of more kernels on the same memory (src/nn), for either kind of memory. */
export type More = { readonly [kind in Kind]: readonly Build[] };

/** The files that an entry can run: those for a memory of one thread, or those for a shared one. */
export type Kind = "alone" | "shared";

const FILES: Record<Kind, Record<string, Simd>> = {
  alone: { "kernels.wasm": "plain", "kernels.relaxed.wasm": "relaxed" },
  shared: { "kernels.threads.wasm": "plain", "kernels.threads-relaxed.wasm": "relaxed" },
};

/** The caller's kernels, or the first of `builds`, best first, that the engine runs; and those of `more` in the same SIMD. */
export function compileSync(
  where: string,
  builds: readonly Build[],
  kind: Kind,
  wasm?: KernelSource,
  more?: More,
): Compiled {
  const { simd, module } = mainSync(where, builds, kind, wasm);
  const other = more?.[kind].find((build) => build.simd === simd);
  return { simd, modules: other === undefined ? [module] : [module, moduleSync(other.binary)] };
}

/** The same without blocking, and from an address or a response too. */
export async function compile(
  where: string,
  builds: readonly Build[],
  kind: Kind,
  wasm?: AsyncKernelSource,
  more?: More,
): Promise<Compiled> {
  const { simd, module } = await main(where, builds, kind, wasm);
  const other = more?.[kind].find((build) => build.simd === simd);
  return { simd, modules: other === undefined ? [module] : [module, await moduleOf(other.binary)] };
}

interface Main {
  readonly simd: Simd;
  readonly module: Module;
}

function mainSync(where: string, builds: readonly Build[], kind: Kind, wasm?: KernelSource): Main {
  if (wasm === undefined && builds.length > 0) {
    const { binary, simd } = probe(builds);
    return { module: moduleSync(binary), simd };
  }
  requireSimd();
  if (isModule(wasm)) return identify(where, kind, wasm);
  if (!isBytes(wasm)) {
    throw new TypeError(`${where}: wasm must be a WebAssembly.Module or its bytes, got ${show(wasm)}`);
  }
  try {
    return identify(where, kind, new (webAssembly().Module)(source(wasm)));
  } catch (error) {
    throw explain(where, kind, wasm, error);
  }
}

async function main(where: string, builds: readonly Build[], kind: Kind, wasm?: AsyncKernelSource): Promise<Main> {
  if (wasm === undefined && builds.length > 0) {
    const { binary, simd } = probe(builds);
    return { module: await moduleOf(binary), simd };
  }
  requireSimd();
  const given = await fetched(where, wasm);
  if (isModule(given)) return identify(where, kind, given);
  try {
    return identify(where, kind, await webAssembly().compile(source(given)));
  } catch (error) {
    throw explain(where, kind, given, error);
  }
}

type Bytes = ArrayBuffer | ArrayBufferView;

const isModule = (value: unknown): value is Module => tag(value) === "WebAssembly.Module";
const isBytes = (value: unknown): value is Bytes => ArrayBuffer.isView(value) || tag(value) === "ArrayBuffer";

/** V8 compiles no DataView. */
const source = (bytes: Bytes): Bytes =>
  ArrayBuffer.isView(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : bytes;

/** The build signs its binaries: a custom section "laser-attention" holds version and file name. */
function identify(where: string, kind: Kind, module: Module): Main {
  const [section] = webAssembly().Module.customSections(module, "laser-attention");
  const signature = section === undefined ? "" : String.fromCharCode(...new Uint8Array(section));
  const [version, file = ""] = signature.split(" ");
  const simd = version === VERSION && Object.hasOwn(FILES[kind], file) ? FILES[kind][file] : undefined;
  if (simd !== undefined) return { module, simd };
  const got = section === undefined ? "a module that is not of this package" : `${file} of version ${version}`;
  throw new RangeError(`${where}: wasm must be ${expected(kind)}, got ${got}`);
}

const expected = (kind: Kind): string => `${Object.keys(FILES[kind]).join(" or ")} of laser-attention ${VERSION}`;

/** What to say of bytes that the engine does not compile; `identify` speaks for itself. */
function explain(where: string, kind: Kind, bytes: Bytes, error: unknown): unknown {
  if (error instanceof RangeError) return error;
  const got = `${bytes.byteLength} bytes that this engine does not compile`;
  return new RangeError(`${where}: wasm must be ${expected(kind)}, got ${got}: ${(error as Error).message}`, {
    cause: error,
  });
}

/** Waits for a promise, fetches an address, reads a response. */
async function fetched(where: string, wasm: AsyncKernelSource | undefined): Promise<Module | Bytes> {
  const failed = (from: string, error: unknown): Error =>
    new Error(`${where}: wasm could not be fetched${from}: ${(error as Error)?.message ?? error}`, { cause: error });
  let given: unknown;
  try {
    given = await wasm;
  } catch (error) {
    throw failed("", error);
  }
  if (isModule(given) || isBytes(given)) return given;
  const href = typeof given === "string" ? given : (given as { href?: unknown } | null)?.href;
  if (typeof href !== "string" && typeof (given as Partial<Answer> | null)?.arrayBuffer !== "function") {
    const kinds = "a WebAssembly.Module, its bytes, an address, a Response, or a promise of one of them";
    throw new TypeError(`${where}: wasm must be ${kinds}, got ${show(given)}`);
  }
  try {
    if (typeof href === "string") {
      // Node's fetch knows no file: addresses, which import.meta.resolve gives there.
      const files = href.startsWith("file:") ? nodeModule("node:fs/promises") : undefined;
      if (files !== undefined) return await files.readFile(new host.URL(href));
    }
    const answer = typeof href === "string" ? await host.fetch(href) : (given as Answer);
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return await answer.arrayBuffer();
  } catch (error) {
    // Servers have nothing that a relative address could count from.
    const lost = nodeModule("node:fs/promises") && typeof href === "string" && !/^\w+:/.test(href);
    const base = lost ? " (which is not a whole address)" : "";
    throw failed(` from ${href ?? ((given as Answer).url || "the response")}${base}`, error);
  }
}
