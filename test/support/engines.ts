import { LaserAttention } from "../../src/facade.js";
import { hex } from "../../src/generated/kernels.relaxed.js";
import { createSync } from "../../src/index.js";
import { createMemory, instantiateSync, moduleSync, supports } from "../../src/wasm.js";

export const plain: LaserAttention = createSync();

/** Relaxed kernels with the tile of six rows, as Node 24 has them, whichever suits this runtime: test/lanes has the other. */
function sixRows(): LaserAttention {
  const memory = createMemory();
  const kernels = instantiateSync([moduleSync({ hex })], memory);
  kernels.useLanes(0);
  return new LaserAttention(kernels, memory, "relaxed");
}

/**
 * The builds that a runtime tests: plain, and relaxed where the engine has relaxed SIMD, which Node 20 has not. In Deno relaxed alone, since the
 * bits of the plain one are those of Node (test/portable).
 */
export const engines: readonly LaserAttention[] = !supports({ hex })
  ? [plain]
  : "Deno" in globalThis
    ? [sixRows()]
    : [plain, sixRows()];
