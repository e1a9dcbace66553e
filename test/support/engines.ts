import { LaserAttention } from "../../src/facade.js";
import { hex } from "../../src/generated/kernels.relaxed.js";
import { createSync, type Simd } from "../../src/index.js";
import { type Binary, createMemory, instantiateSync, moduleSync, supports } from "../../src/wasm.js";

export const plain: LaserAttention = createSync();

/** An instance that takes products by lanes (3), or not (0), whatever suits this runtime. */
export function withLanes(lanes: 0 | 3, simd: Simd, binary: Binary): LaserAttention {
  const memory = createMemory();
  const kernels = instantiateSync([moduleSync(binary)], memory);
  kernels.useLanes(lanes);
  return new LaserAttention(kernels, memory, simd);
}

/** With the tile of six rows, as Node 24 has it; test/lanes has the other. */
const sixRows = (): LaserAttention => withLanes(0, "relaxed", { hex });

/**
 * The builds that a runtime tests: plain, and relaxed where the engine has relaxed SIMD, which Node 20 has not. In Deno relaxed alone, since the
 * bits of the plain one are those of Node (test/portable).
 */
export const engines: readonly LaserAttention[] = !supports({ hex })
  ? [plain]
  : "Deno" in globalThis
    ? [sixRows()]
    : [plain, sixRows()];
