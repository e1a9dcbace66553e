/** What a host must be and what it can do: scripts/hosts.mjs and scripts/browsers.mjs claim it, the tests hold the package to it. */

export type HostName = "node" | "deno" | "bun" | "workerd" | "chromium" | "firefox" | "webkit";

export interface Expected {
  readonly host: HostName;
  /** Exactly this version, where the host tells it and the one who started it knows. */
  readonly version?: string;
  /** The first major version with relaxed SIMD; 0: every one; none: no version, as it was started. */
  readonly relaxedFrom?: number;
  /** Threads that `create({ threads: 2 })` gives, and `createSync`. */
  readonly threads: { readonly create: 1 | 2; readonly createSync: 1 | 2 };
  /** What these calls warn about. */
  readonly warnings: readonly string[];
  /** Whether the host compiles WebAssembly from bytes. */
  readonly compiles: boolean;
  /** Whether the program can start a worker from a file beside it. */
  readonly workers: boolean;
  /** Where `create` can fetch kernels.wasm, where it can. */
  readonly kernels?: string;
}

export interface Place {
  readonly host: HostName;
  readonly version: string;
}

interface Globals {
  readonly Bun?: { readonly version: string };
  readonly Deno?: { readonly version: { readonly deno: string } };
  readonly process?: { readonly release?: { readonly name?: string }; readonly versions?: { readonly node?: string } };
  readonly navigator?: { readonly userAgent?: string };
  readonly WebSocketPair?: unknown;
}

/** In this order: a Chromium calls itself Safari as well. */
const BROWSERS: readonly (readonly [HostName, RegExp])[] = [
  ["firefox", /\bFirefox\/([\d.]+)/],
  ["chromium", /Chrome\/([\d.]+)/],
  ["webkit", /\bVersion\/([\d.]+) Safari\//],
];

/** The host by what it alone has; Bun and Deno pretend to be Node, so they come first. */
export function place(): Place {
  const { Bun, Deno, process, navigator, WebSocketPair } = globalThis as unknown as Globals;
  const agent = navigator?.userAgent ?? "";
  if (Bun !== undefined) return { host: "bun", version: Bun.version };
  if (Deno !== undefined) return { host: "deno", version: Deno.version.deno };
  if (agent === "Cloudflare-Workers" && WebSocketPair !== undefined) return { host: "workerd", version: "" };
  for (const [host, pattern] of BROWSERS) {
    const version = pattern.exec(agent)?.[1];
    if (version !== undefined) return { host, version };
  }
  if (process?.release?.name === "node") return { host: "node", version: process.versions?.node ?? "" };
  throw new Error(`an unknown host: navigator.userAgent is "${agent}"`);
}

let claim: Expected | undefined;

/** Refuses to go on in another host than expected. */
export function enter(expected: Expected): Place {
  const here = place();
  const { host, version = here.version } = expected;
  if (here.host !== host || (here.version !== version && here.version !== "")) {
    throw new Error(`expected to run in ${host} ${version}, this is ${here.host} ${here.version}`);
  }
  claim = expected;
  return { host, version };
}

export function expected(): Expected {
  if (claim === undefined) throw new Error("enter() must come before the tests");
  return claim;
}

/** What `la.simd` must be where relaxed SIMD is asked for. */
export function expectedSimd(): "plain" | "relaxed" {
  const { relaxedFrom } = expected();
  const major = Number.parseInt(place().version, 10);
  return relaxedFrom === 0 || (relaxedFrom !== undefined && major >= relaxedFrom) ? "relaxed" : "plain";
}
