import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hex as kernels } from "../src/generated/kernels.js";
import { host } from "../src/host.js";
import { create, createSync } from "../src/index.js";
import { createSharedMemory, moduleOf, moduleSync, probe, supports } from "../src/wasm.js";
import { replacing } from "./support/host.js";
import { throws } from "./support/throws.js";

/** A binary of these bytes. */
const of = (bytes: readonly number[]) => ({ hex: () => Buffer.from(bytes).toString("hex") });

const HEADER = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** One function with a body of three bytes: the opcode, which no engine knows, and end. */
const UNKNOWN_OPCODE = [...HEADER, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 6, 1, 4, 0, 0xfd, 0xff, 0x0b];

test("an engine that accepts no build gets an error that names SIMD", () => {
  const unknown = { simd: "relaxed", binary: of(UNKNOWN_OPCODE) };
  assert.not(supports(unknown.binary));
  assert.throws(() => probe([unknown]), /laser-attention: this engine has no WebAssembly SIMD/);
});

test("the first build that the engine accepts is taken", () => {
  const unknown = { simd: "relaxed", binary: of(UNKNOWN_OPCODE) };
  const empty = { simd: "plain", binary: of(HEADER) };
  assert.is(probe([unknown, empty]), empty);
  assert.is(probe([empty, unknown]), empty);
});

test("a binary is compiled once, however often, in whichever way and how many at a time ask for it; a failure is not kept", async () => {
  const { compile } = host.WebAssembly!;
  let compiled = 0;
  const failing = () => Promise.reject(new Error("no memory left"));
  const counting = (bytes: Uint8Array) => {
    compiled++;
    return compile(bytes);
  };
  const binary = of(HEADER);
  await replacing(host.WebAssembly!, { compile: failing }, async () => {
    const both = await Promise.allSettled([moduleOf(binary), moduleOf(binary)]);
    assert.ok(both.every(({ status }) => status === "rejected"));
  });
  await replacing(host.WebAssembly!, { compile: counting }, async () => {
    const [module, other] = await Promise.all([moduleOf(binary), moduleOf(binary)]);
    assert.is(other, module);
    assert.is(moduleSync(binary), module);
    assert.is(await moduleOf(binary), module);
  });
  assert.is(compiled, 1);
});

test("hosts with Buffer, with Uint8Array.fromHex and with neither decode the same binary", async () => {
  const bytes = readFileSync(new URL("../../dist/kernels.wasm", import.meta.url));
  const { Buffer } = host;
  const given: Uint8Array[] = [];
  const validate = (code: Uint8Array): boolean => given.push(code) > 0;
  const decode = (): boolean => supports({ hex: kernels });
  const fromHex = (text: string): Uint8Array => Buffer!.from(text, "hex");
  await replacing(host.WebAssembly!, { validate }, async () => {
    decode();
    await replacing(host, { Buffer: undefined }, async () => {
      await replacing(host.Uint8Array, { fromHex }, decode);
      await replacing(host.Uint8Array, { fromHex: undefined }, decode);
    });
  });
  assert.is(given.length, 3);
  for (const code of given) assert.ok(bytes.equals(code));
});

test("memory that the host refuses is a RangeError that says how much was asked for", () => {
  const Memory = class {
    constructor() {
      throw new RangeError("WebAssembly.Memory(): could not allocate memory");
    }
  };
  return replacing(host.WebAssembly!, { Memory }, async () => {
    const asked = "laser-attention: cannot allocate 1048576 bytes";
    throws(() => createSync(), RangeError, `${asked}: the host refused the memory of a new instance`);
    throws(() => createSync({ maxMemory: 2 ** 20 }), RangeError, asked);
    const rejected = await create().catch((error: Error) => error);
    assert.ok(rejected instanceof RangeError && rejected.message.startsWith(asked));
    throws(() => createSharedMemory(2 ** 21), RangeError, `${asked}, shared, with room for 2097152`);
  });
});

test("the built entries of one thread import no host module and name no file", () => {
  const dist = new URL("../../dist/", import.meta.url);
  const reached = new Set(["index.js", "relaxed.js", "slim.js"]);
  for (const name of reached) {
    const text = readFileSync(new URL(name, dist), "utf8");
    for (const [, file] of text.matchAll(/from *"\.\/([^"]+)"/g)) reached.add(file!);
    for (const forbidden of [/(from|import) *"node:/, /\bimport\(/, /\bimport\.meta\b/, /\brequire\(/]) {
      assert.not(forbidden.test(text), `${name} holds ${forbidden}`);
    }
  }
  assert.ok(reached.size > 3);
});

test.run();
