/** Golden files (safetensors) as cases of the oracle with their expected results, and where to find them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors } from "../../src/nn/safetensors.js";
import type { Results } from "./bounds.js";
import type { Case } from "./oracle.js";

/** A golden file's inputs and options as a Case, and PyTorch's float64 results. */
export function readGolden(path: string): { c: Case; expected: Results } {
  const { metadata, tensors } = readSafetensors(readFileSync(path));
  const get = (name: string) => tensors.get(name) as { shape: number[]; data: Float32Array };
  const [B, H, N, D] = get("q").shape as [number, number, number, number];
  const [, Hkv, M, E] = get("v").shape as [number, number, number, number];
  const broadcast = (name: string) => tensors.get(name) as Case["bias"];
  const c: Case = {
    variant: metadata.variant as Case["variant"],
    ...{ B, H, Hkv, N, M, D, E },
    ...{ q: get("q").data, k: get("k").data, v: get("v").data, dout: get("do").data },
    ...{ mask: broadcast("mask"), bias: broadcast("bias") },
    ...JSON.parse(metadata.options ?? "{}"),
  };
  const [out, lse, dq, dk, dv, dbias] = ["o", "lse", "dq", "dk", "dv", "dbias"].map(
    (name) => tensors.get(name)?.data as Float32Array | undefined,
  );
  return { c, expected: { out: out!, lse: lse!, dq, dk, dv, dbias } };
}

const extension = ".safetensors";
const committed = join("test", "golden");
const shared = process.env.GOLDEN ?? join("..", "shared", "golden", "attention");
const both = (name: string): string[] => [`${name}.laser`, `${name}.standard`];

/** Too large to commit (the attention files of test/golden are kept below 2 MB); they run wherever the shared folder lies beside the repository. */
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
