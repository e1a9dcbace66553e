/** What entries with threads have for edge workers, which have none: one, and one warning that says so. */
import type { Simd } from "../facade.js";
import type { Module } from "../host.js";
import type { Build } from "../source.js";
import { checkThreadsOptions, type ThreadsOptions, warn } from "../threads-options.js";

/** The build that is asked for. Its module comes from the entry: files are imported by paths that hold in its folder alone. */
export function wanted(where: string, options: ThreadsOptions = {}, modules: Readonly<Record<Simd, Module>>): Build {
  checkThreadsOptions(where, options);
  if (options.threads !== 1) warn("this host has no threads");
  const { simd = "plain" } = options;
  return { simd, binary: { module: modules[simd] } };
}
