/** Training runs of the committed goldens, step by step; `npm run parity` runs all that there are. */
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createSync, readSafetensors } from "../src/nn/index.js";
import { failures, noFile, replay } from "./support/parity.js";
import { file, tensor } from "./support/safetensors.js";

/** A golden with int64 in the place of its bytes: a vocabulary of more than 256 does not fit these, and int64 is what PyTorch has token ids in. */
function withInt64(bytes: Uint8Array): Uint8Array {
  const { tensors, metadata } = readSafetensors(bytes);
  const header: Record<string, object> = { __metadata__: metadata };
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const [name, { data, shape }] of tensors) {
    const wide = data instanceof Uint8Array ? BigInt64Array.from(data, BigInt) : data;
    const dtype = wide instanceof BigInt64Array ? "I64" : wide instanceof Float64Array ? "F64" : "F32";
    header[name] = tensor(dtype, shape, end, end + wide.byteLength);
    parts.push(new Uint8Array(wide.buffer, wide.byteOffset, wide.byteLength));
    end += wide.byteLength;
  }
  const made = file(header, end);
  for (const part of parts) {
    made.set(part, made.length - end);
    end -= part.length;
  }
  return made;
}

for (const [name, simd, threads, integers] of [
  ["lm.laser", "plain", 1, "bytes"],
  ["bert.standard", "relaxed", 2, "int64"],
] as const) {
  test(`${name}: every loss, the first gradients and the last parameters are those of float64 (${simd}, ${threads} threads, ids as ${integers})`, () => {
    const nn = createSync({ threads, simd });
    const golden = readFileSync(`test/golden/training/${name}.safetensors`);
    const parity = replay(nn, integers === "bytes" ? golden : withInt64(golden));
    assert.equal(failures(parity), []);
    assert.ok(parity.steps >= 30);
    nn.dispose();
  });
}

test("a path that is no file is told before anything is replayed", () => {
  assert.is(noFile([]), "none");
  assert.is(noFile(["package.json", "test", "none.safetensors"]), "test");
  assert.is(noFile(["package.json", "none.safetensors"]), "none.safetensors");
  assert.is(noFile(["package.json"]), undefined);
});

test.run();
