/** All results of the fixed cases as one hash. */
import type { LaserAttention } from "../../../src/index.js";
import { resultNames } from "../../support/bounds.js";
import { randomCase } from "../../support/cases.js";
import { run } from "../../support/run.js";
import { type AttentionCase, attentionCases, sharedCases } from "./attention-cases.js";
import { ExactRandom } from "./exact-random.js";
import { opCases } from "./op-cases.js";

/** Random combinations of options, which meet in more ways than a list does. */
const RANDOM = { ordinary: 150, long: 10 } as const;

const hex = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

export const sha256 = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  hex(await crypto.subtle.digest("SHA-256", bytes));

/** Length and bits of every array. NaN is one value: WebAssembly leaves its sign and payload to the engine. */
function bits(arrays: readonly Float32Array[]): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(arrays.reduce((sum, x) => sum + 1 + x.length, 0));
  let end = 0;
  for (const x of arrays) {
    words[end++] = x.length;
    for (const word of new Uint32Array(x.slice().buffer)) {
      words[end++] = (word & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : word;
    }
  }
  return new Uint8Array(words.buffer);
}

function attention({ c, placement }: Pick<AttentionCase, "c" | "placement">, la: LaserAttention): Float32Array[] {
  const results = run(la, c, placement);
  return resultNames.flatMap((name) => (results[name] === undefined ? [] : [results[name] as Float32Array]));
}

type Run = (la: LaserAttention) => readonly Float32Array[];

function* everything(): Generator<readonly [name: string, run: Run]> {
  for (const given of [...attentionCases, ...sharedCases]) yield [given.name, (la) => attention(given, la)];
  for (const kind of ["ordinary", "long"] as const) {
    for (let seed = 1; seed <= RANDOM[kind]; seed++) {
      yield [`random ${kind} ${seed}`, (la) => attention(randomCase(seed, kind, new ExactRandom(seed)), la)];
    }
  }
  for (const { name, run } of opCases) yield [name, (la) => la.scope(() => run(la))];
}

export interface Digest {
  /** Of all cases. */
  readonly total: string;
  /** Of each case, to see where hosts part. */
  readonly cases: readonly (readonly [name: string, digest: string])[];
}

/** @param only A part of the names of the cases that are wanted. */
export async function digest(la: LaserAttention, only = ""): Promise<Digest> {
  const cases: [string, string][] = [];
  for (const [name, run] of everything()) if (name.includes(only)) cases.push([name, await sha256(bits(run(la)))]);
  const total = await sha256(new TextEncoder().encode(cases.map(([, digest]) => digest).join("")));
  return { total, cases };
}
