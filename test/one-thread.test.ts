/** One thread that was asked for: what the host lacks for more is nothing to warn of. What it says otherwise: start.test.ts. */
import * as threads from "laser-attention/threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { host } from "../src/host.js";
import { replacing, warnings } from "./support/host.js";

const wasm = host.WebAssembly!;

/** A class Memory that has none to share. */
const unshared = (Refusal: typeof TypeError | typeof RangeError) =>
  class extends wasm.Memory {
    constructor(descriptor: ConstructorParameters<typeof wasm.Memory>[0]) {
      if (descriptor.shared) throw new Refusal("not here");
      super(descriptor);
    }
  };

const lacking: Record<string, (body: () => Promise<void>) => Promise<void>> = {
  "cross-origin isolation": (body) => replacing(globalThis, { crossOriginIsolated: false } as object, body),
  SharedArrayBuffer: (body) => replacing(globalThis, { SharedArrayBuffer: undefined } as object, body),
  workers: (body) =>
    replacing(process, { getBuiltinModule: undefined }, () =>
      replacing(globalThis, { Worker: undefined } as object, body),
    ),
  "shared memory": (body) => replacing(wasm, { Memory: unshared(TypeError) }, body),
  "room for shared memory": (body) => replacing(wasm, { Memory: unshared(RangeError) }, body),
};

for (const [what, without] of Object.entries(lacking)) {
  test(`one thread that was asked for runs without ${what}, and nothing is said`, async () => {
    const start = async () => {
      for (const la of [threads.createSync({ threads: 1 }), await threads.create({ threads: 1 })]) {
        assert.is(la.threads, 1);
        assert.equal(la.exp(la.zeros([1])).toArray(), Float32Array.of(1));
        la.dispose();
      }
    };
    assert.equal(await warnings(() => without(start)), []);
  });
}

test.run();
