// Binaryen's passes over what asc compiled, with limits on inlining that asc has no flags for; what none of its passes
// shortens: a constant of four equal lanes takes 18 bytes where a splat takes 4 to 8, and every constant in memory is a data
// segment of its own (docs/design.md, "Size"); and the order of instructions in the register tile, which they would not keep.
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

/** A loop of one straight line: how deep it lies, its name, its condition, what it does. */
const LOOP = /^( *)loop (\S+)\n((?:\1 \S.*\n)+)\1 if\n((?:\1 {2}\S.*\n)+)\1 {2}br \2\n\1 end\n\1end$/gm;

const count = (text, instruction) => text.match(instruction)?.length ?? 0;

/** Steps of a tile's loop that are written one after the other: with four, six and twelve it was slower, with sixteen in Node 26 too. */
const STEPS = 8;

/**
 * The loop of the plain register tile (assembly/microkernel.ts: the only one of eight products with four numbers, each in all lanes), where
 * each instruction more costs. Several steps one after the other, since V8 looks at its stack each time round, with the way out between
 * them: without it V8 before 13 loads everything first, and runs out of registers. And of a row both products before both sums. Not in the
 * source, where Binaryen moves what two steps add to one sum side by side. docs/design.md, "Order of instructions", has the times. Changes no bit.
 */
function unroll(loop, _, name, condition, step) {
  const tile =
    count(step, /f32x4\.mul$/gm) === 8 && count(step, /v128\.load32_splat\b/g) === 4 && !step.includes("store");
  if (!tile || !condition.endsWith("i32.ne\n")) return loop;
  const leave = `${condition.replace(/ne\n$/, "eq\n")}br_if ${name}-end\n`;
  const steps = Array(STEPS).fill(step.replace(ROW, productsFirst)).join(leave);
  return `loop ${name}\n${condition}if ${name}-end\n${steps}br ${name}\nend\nend`;
}

/** x * y + c, then x' * y' + c': the sum with c is one part, what makes the other product and sum one more. */
const ADD = String.raw` *local\.get (\$\w+)\n *f32x4\.add\n *local\.set `;
const ROW = new RegExp(
  String.raw`^ *f32x4\.mul\n(${ADD}\2\n)((?: *(?:local\.get|local\.tee|v128\.load)\b.*\n){2,4} *f32x4\.mul\n${ADD}\4\n)`,
  "gm",
);

function productsFirst(_row, sum, c, other) {
  if (other.includes(`${c}\n`)) throw new Error("the two sums of a row must have nothing to do with each other");
  return `f32x4.mul\n${other}${sum}`;
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
  const shorter = text.replace(EQUAL_LANES, "i32.const $1\ni32x4.splat").replace(SEGMENTS, join).replace(LOOP, unroll);
  return parse(shorter, (module) => {
    if (!module.validate()) throw new Error("the optimized kernels are not valid");
    return { text: module.emitStackIR(), wasm: module.emitBinary() };
  });
}
