// What asc writes longer than it has to: a constant of four equal lanes takes 18 bytes where a splat takes 4 to 8, and every
// constant in memory is a data segment of its own.
import binaryen from "binaryen";

const EQUAL_LANES = /v128\.const i32x4 (0x[0-9a-f]{8})(?: \1){3}$/gm;
const SEGMENTS = /(?:^ \(data .*\n)+/m;

/** All data segments in one. */
function join(text) {
  const segments = [...text.matchAll(/\(i32\.const (\d+)\) "(.*)"\)$/gm)];
  for (const [n, [, address, bytes]] of segments.entries()) {
    const end = Number(address) + bytes.replace(/\\(?:[0-9a-f]{2}|.)/g, "x").length;
    const next = segments[n + 1]?.[1] ?? end;
    if (Number(next) !== end) throw new Error(`data segments must lie side by side, ${next} comes after ${end}`);
  }
  return ` (data (i32.const ${segments[0][1]}) "${segments.map(([, , bytes]) => bytes).join("")}")\n`;
}

/** The text of a build of the kernels -> a shorter one to the same effect, and its binary. */
export function shrink(wat) {
  const shorter = wat.replace(EQUAL_LANES, "i32.const $1\ni32x4.splat").replace(SEGMENTS, join);
  const module = binaryen.parseText(shorter);
  module.setFeatures(binaryen.Features.All);
  try {
    if (!module.validate()) throw new Error("the shortened kernels are not valid");
    return { text: module.emitStackIR(), wasm: module.emitBinary() };
  } finally {
    module.dispose();
  }
}
