// Binaryen's passes over what asc compiled, with limits on inlining that asc has no flags for; and what none of its passes
// shortens: a constant of four equal lanes takes 18 bytes where a splat takes 4 to 8, and every constant in memory is a data
// segment of its own. docs/design.md, "Size", has what each gives.
import binaryen from "assemblyscript/binaryen";

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

/** What is called from one place is inlined there; what is called from several, only where it is hardly more than a call. */
function setLimits() {
  binaryen.setOptimizeLevel(3);
  binaryen.setShrinkLevel(1);
  binaryen.setOneCallerInlineMaxSize(-1); // no limit
  binaryen.setAlwaysInlineMaxSize(2);
  binaryen.setFlexibleInlineMaxSize(2);
  binaryen.setDebugInfo(false);
}

/** What passes may use. With more than this, types are written in a way that Node 20 does not read. */
const FEATURES = [
  ...["MutableGlobals", "SignExt", "NontrappingFPToInt", "BulkMemory", "BulkMemoryOpt"],
  ...["SIMD128", "RelaxedSIMD", "Atomics"],
].reduce((all, name) => all | binaryen.Features[name], 0);

function parse(text, body) {
  const module = binaryen.parseText(text);
  module.setFeatures(FEATURES);
  try {
    return body(module);
  } finally {
    module.dispose();
  }
}

/** The text of a build -> that of an optimized one, and its binary. */
export function optimize(wat) {
  setLimits();
  const text = parse(wat, (module) => {
    module.optimize();
    module.optimize(); // finds 80 bytes more, a third round none
    return module.emitStackIR();
  });
  const shorter = text.replace(EQUAL_LANES, "i32.const $1\ni32x4.splat").replace(SEGMENTS, join);
  return parse(shorter, (module) => {
    if (!module.validate()) throw new Error("the optimized kernels are not valid");
    return { text: module.emitStackIR(), wasm: module.emitBinary() };
  });
}
