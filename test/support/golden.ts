/** Golden files (safetensors) as cases of the oracle with their expected results, and where to find them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Results } from "./bounds.js";
import type { Case, Numbers } from "./oracle.js";

export interface Stored {
  shape: number[];
  data: Numbers;
}

/** Eight bytes of little-endian header length, the JSON header, the raw little-endian tensors. */
export function readSafetensors(bytes: Uint8Array): {
  metadata: Record<string, string>;
  tensors: Record<string, Stored>;
} {
  const start = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const { __metadata__: metadata, ...entries } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  const tensors: Record<string, Stored> = {};
  for (const [name, entry] of Object.entries<{ dtype: string; shape: number[]; data_offsets: [number, number] }>(
    entries,
  )) {
    const [from, to] = entry.data_offsets;
    const raw = new Uint8Array(bytes.subarray(start + from, start + to)); // a copy: its buffer is aligned
    if (entry.dtype !== "F32" && entry.dtype !== "U8")
      throw new Error(`${name}: F32 or U8 expected, got ${entry.dtype}`);
    tensors[name] = { shape: entry.shape, data: entry.dtype === "U8" ? raw : new Float32Array(raw.buffer) };
  }
  return { metadata, tensors };
}

/** A golden file's inputs and options as a Case, and PyTorch's float64 results. */
export function readGolden(path: string): { c: Case; expected: Results } {
  const { metadata, tensors } = readSafetensors(readFileSync(path));
  const get = (name: string): Stored => tensors[name] ?? { shape: [], data: [] };
  const [B, H, N, D] = get("q").shape as [number, number, number, number];
  const [, Hkv, M, E] = get("v").shape as [number, number, number, number];
  const broadcast = (name: string) => tensors[name] as Case["bias"];
  const c: Case = {
    variant: metadata.variant as Case["variant"],
    ...{ B, H, Hkv, N, M, D, E },
    ...{ q: get("q").data, k: get("k").data, v: get("v").data, dout: get("do").data },
    ...{ mask: broadcast("mask"), bias: broadcast("bias") },
    ...JSON.parse(metadata.options ?? "{}"),
  };
  const [out, lse, dq, dk, dv, dbias] = ["o", "lse", "dq", "dk", "dv", "dbias"].map((name) => tensors[name]?.data);
  return { c, expected: { out: out!, lse: lse!, dq, dk, dv, dbias } };
}

const extension = ".safetensors";
const committed = join("test", "golden");
const shared = process.env.GOLDEN ?? join("..", "shared", "golden", "attention");
const both = (name: string): string[] => [`${name}.laser`, `${name}.standard`];

/** Too large to commit (test/golden is kept below 2 MB); they run wherever the shared folder lies beside the repository. */
const sharedOnly = [
  ...["alibi", "cross", "decode", "gqa_causal", "lm_causal", "padding", "vit"].flatMap(both),
  ...["bias", "mid_outlier", "padding_garbage", "softcap", "window"].map((name) => `${name}.standard`),
];

/** Every golden case by name: its path, or undefined for a shared one that is not on this machine. */
export function goldenFiles(): Map<string, string | undefined> {
  const files = new Map<string, string | undefined>(sharedOnly.map((name) => [name, undefined]));
  for (const folder of [committed, shared]) {
    if (!existsSync(folder)) continue;
    for (const file of readdirSync(folder).sort()) {
      if (file.endsWith(extension)) files.set(file.slice(0, -extension.length), join(folder, file));
    }
  }
  return files;
}
