import { createSync, type LaserAttention } from "../../src/index.js";
import { createSync as createRelaxed } from "../../src/relaxed.js";

/** The builds that this runtime can run: plain, and relaxed where the engine has relaxed SIMD. */
export const engines: readonly LaserAttention[] = [createSync(), createRelaxed()].filter(
  ({ simd }, n) => n === 0 || simd === "relaxed",
);

export const plain: LaserAttention = engines[0]!;
