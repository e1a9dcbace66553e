/** Kernels that the caller brings as `wasm`, in every entry: what is taken, and what is said of the rest. */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import * as main from "laser-attention";
import * as relaxed from "laser-attention/relaxed";
import * as slim from "laser-attention/slim";
import * as threads from "laser-attention/threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { VERSION } from "../src/generated/version.js";
import { host, type Module as KernelsModule } from "../src/host.js";
import { firstDifference } from "./support/bits.js";
import { replacing } from "./support/host.js";
import { relaxedSupported } from "./support/kernels.js";
import { Random } from "./support/random.js";
import { throws } from "./support/throws.js";

const address = (file: string): URL => new URL(`../../dist/${file}`, import.meta.url);
const bytesOf = (file: string): Buffer => readFileSync(address(file));
const { Module } = host.WebAssembly!;
const moduleOf = (file: string): KernelsModule => new Module(bytesOf(file));

const EMPTY = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

/** A module with nothing but a custom section "laser-attention". */
function signed(text: string): Buffer {
  const section = Buffer.from(`\x0flaser-attention${text}`);
  return Buffer.concat([EMPTY, Buffer.from([0, section.length]), section]);
}

const x = new Random(1).normals(2 * 9 * 16);
const result = (la: main.LaserAttention): Float32Array => {
  const t = la.tensor(x, [1, 2, 9, 16]);
  return la.attention(t, t, t, { variant: "laser", causal: true }).toArray();
};
const reference = result(main.createSync());

function check(la: main.LaserAttention): void {
  assert.is(la.simd, "plain");
  assert.is(firstDifference(result(la), reference), -1);
  la.dispose();
}

/** What `call` rejects with. */
async function rejects(call: () => Promise<unknown>, type: typeof Error, ...parts: string[]): Promise<void> {
  const error: unknown = await call().then(
    () => undefined,
    (reason) => reason,
  );
  assert.ok(error instanceof type, `expected a ${type.name}, got ${error}`);
  for (const part of parts) assert.ok(error.message.includes(part), `expected "${part}" in "${error.message}"`);
}

/** A server on this machine that answers every path with what `files` has, while `body` runs. */
async function serving(files: Record<string, Buffer>, body: (origin: string) => Promise<void>): Promise<void> {
  const server: Server = createServer(({ url = "" }, response) => {
    const file = files[url.slice(1)];
    response.writeHead(file === undefined ? 404 : 200).end(file);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await body(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("a module or its bytes, in every entry, alone and promised, give the bits of the binary inside", async () => {
  for (const entry of [main, relaxed, slim, threads]) {
    const file = entry === threads ? "kernels.threads.wasm" : "kernels.wasm";
    const bytes = bytesOf(file);
    for (const wasm of [moduleOf(file), bytes, new Uint8Array(bytes).buffer]) {
      check(entry.createSync({ wasm }));
      check(await entry.create({ wasm }));
      check(await entry.create({ wasm: Promise.resolve(wasm) }));
    }
  }
});

test("one module serves many instances, each with a memory of its own", () => {
  const wasm = moduleOf("kernels.wasm");
  const instances = [1, 2, 3].map(() => slim.createSync({ wasm }));
  const t = instances[0]!.tensor(x, [1, 2, 9, 16]);
  check(instances[1]!);
  assert.is(firstDifference(t.toArray(), x), -1);
  check(instances[0]!);
  check(instances[2]!);
});

test("an address, an answer of fetch, and a promise of one, are fetched; file: addresses too", () =>
  serving({ "kernels.wasm": bytesOf("kernels.wasm") }, async (origin) => {
    const href = `${origin}kernels.wasm`;
    for (const wasm of [href, new URL(href), fetch(href), await fetch(href), address("kernels.wasm")]) {
      check(await slim.create({ wasm }));
    }
  }));

test("the relaxed file, brought to an engine with relaxed SIMD, runs relaxed; elsewhere it is a RangeError", () => {
  const wasm = bytesOf("kernels.relaxed.wasm");
  if (!relaxedSupported) {
    throws(() => slim.createSync({ wasm }), RangeError, "bytes that this engine does not compile");
    return;
  }
  for (const entry of [main, relaxed, slim]) assert.is(entry.createSync({ wasm }).simd, "relaxed");
  assert.is(threads.createSync({ threads: 1, wasm: bytesOf("kernels.threads-relaxed.wasm") }).simd, "relaxed");
});

test("kernels of another kind than simd says are refused", async () => {
  const options = { threads: 1, simd: "relaxed", wasm: bytesOf("kernels.threads.wasm") } as const;
  const message = "wasm must be relaxed kernels, as simd says, got plain ones";
  throws(() => threads.createSync(options), RangeError, `createSync: ${message}`);
  await rejects(() => threads.create(options), RangeError, `create: ${message}`);
  check(threads.createSync({ ...options, simd: "plain" }));
});

test("no kernels, or cut off, of another version or for other memory, as bytes or compiled: a RangeError that says which", async () => {
  const expected = `wasm must be kernels.wasm or kernels.relaxed.wasm of laser-attention ${VERSION}, got`;
  const shared = `wasm must be kernels.threads.wasm or kernels.threads-relaxed.wasm of laser-attention ${VERSION}, got`;
  const html = Buffer.from("<!doctype html>");
  const cut = bytesOf("kernels.wasm").subarray(0, 2000);
  const cases = [
    [slim, html, `${expected} 15 bytes that this engine does not compile`],
    [slim, cut, `${expected} 2000 bytes that this engine does not compile`],
    [slim, Buffer.alloc(0), `${expected} 0 bytes that this engine does not compile`],
    [main, EMPTY, `${expected} a module that is not of this package`],
    [slim, signed("0.0.9 kernels.wasm"), `${expected} kernels.wasm of version 0.0.9`],
    [slim, signed(`${VERSION} toString`), `${expected} toString of version ${VERSION}`],
    [slim, bytesOf("kernels.threads.wasm"), `${expected} kernels.threads.wasm of version ${VERSION}`],
    [threads, bytesOf("kernels.wasm"), `${shared} kernels.wasm of version ${VERSION}`],
  ] as const;
  for (const [entry, wasm, message] of cases) {
    throws(() => entry.createSync({ wasm }), RangeError, `createSync: ${message}`);
    await rejects(() => entry.create({ wasm }), RangeError, `create: ${message}`);
    const said = await entry.create({ wasm }).catch((error: Error) => error.message);
    assert.is(String(said).split("wasm must be").length, 2, `says it once: ${said}`);
  }
  const compiled = [
    [EMPTY, "a module that is not of this package"],
    [signed("0.0.9 kernels.wasm"), "kernels.wasm of version 0.0.9"],
  ] as const;
  for (const [bytes, what] of compiled) {
    const wasm = new Module(bytes);
    throws(() => slim.createSync({ wasm }), RangeError, `createSync: ${expected} ${what}`);
    await rejects(() => slim.create({ wasm }), RangeError, `create: ${expected} ${what}`);
  }
});

test("another kind of thing, or nothing in the slim entry, is a TypeError", async () => {
  for (const wasm of [undefined, null, 7, "kernels.wasm", {}, Promise.resolve(EMPTY)] as never[]) {
    throws(
      () => slim.createSync({ wasm }),
      TypeError,
      "createSync: wasm must be a WebAssembly.Module or its bytes, got",
    );
  }
  for (const wasm of [undefined, null, 7, {}, Promise.resolve([])] as never[]) {
    await rejects(
      () => slim.create({ wasm }),
      TypeError,
      "create: wasm must be a WebAssembly.Module, its bytes, an address",
    );
  }
  throws(() => slim.createSync(undefined as never), TypeError, "createSync: wasm must be");
});

test("a file that is missing, a host that is not there, a promise that fails: an Error that names the address and the cause", () =>
  serving({}, async (origin) => {
    const missing = `${origin}kernels.wasm`;
    await rejects(
      () => slim.create({ wasm: missing }),
      Error,
      `create: wasm could not be fetched from ${missing}: status 404`,
    );
    await rejects(
      () => slim.create({ wasm: fetch(missing) }),
      Error,
      `could not be fetched from ${missing}: status 404`,
    );
    const gone = address("no.wasm");
    await rejects(() => slim.create({ wasm: gone }), Error, `could not be fetched from ${gone}: `);
    const closed = "http://127.0.0.1:1/kernels.wasm";
    await rejects(() => slim.create({ wasm: closed }), Error, `create: wasm could not be fetched from ${closed}: `);
    const reset = Promise.reject(new Error("connection reset"));
    await rejects(() => slim.create({ wasm: reset }), Error, "create: wasm could not be fetched: connection reset");
  }));

test("of an address without a base a server says that it is not a whole one", async () => {
  const hint = "from ./kernels.wasm (which is not a whole address): ";
  await rejects(() => slim.create({ wasm: "./kernels.wasm" }), Error, hint);
});

test("a promise that fails, given with options that are refused, is not reported once more", async () => {
  const unhandled: unknown[] = [];
  const listen = (reason: unknown) => unhandled.push(reason);
  process.on("unhandledRejection", listen);
  for (const { create } of [main, relaxed, slim, threads]) {
    const wasm = Promise.reject(new Error("connection reset"));
    await rejects(() => create({ wasm, maxMemory: -1 }), RangeError, "create: maxMemory must be");
  }
  await new Promise((resolve) => setTimeout(resolve, 10));
  process.off("unhandledRejection", listen);
  assert.equal(unhandled, []);
});

test("an engine without SIMD is named before the kernels are", () =>
  replacing(host.WebAssembly!, { validate: () => false }, async () => {
    const wasm = bytesOf("kernels.wasm");
    assert.throws(() => slim.createSync({ wasm }), /laser-attention: this engine has no WebAssembly SIMD/);
    await rejects(() => slim.create({ wasm }), Error, "laser-attention: this engine has no WebAssembly SIMD");
  }));

test.run();
