/** Threads in this host: how many there are, what is said where there are none, and that they change no bit. */
import * as main from "laser-attention";
import * as threads from "laser-attention/threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BITS } from "./bits.js";
import type { Nested } from "./programs/nested.js";
import { digest } from "./support/digest.js";
import { expected, expectedSimd } from "./support/expected.js";
import { asSource } from "./support/package.js";
import { warnings } from "./support/warnings.js";

// First of all: every reason is said once only.
test("two threads are two where this host has threads; elsewhere one, with one warning that says why", async () => {
  const found = await warnings(async () => {
    for (let n = 0; n < 2; n++) {
      const instances = [await threads.create({ threads: 2 }), threads.createSync({ threads: 2 })];
      const { create, createSync } = expected().threads;
      assert.equal(
        instances.map((la) => la.threads),
        [create, createSync],
      );
      for (const la of instances) la.dispose();
    }
  });
  assert.equal(found, expected().warnings);
});

test("the fixed cases give the committed bits with two threads, which all live on afterwards", async () => {
  const la = await threads.create({ threads: 2 });
  const { total } = await digest(asSource(la));
  assert.is(total, BITS);
  assert.is(la.threads, expected().threads.create);
  la.dispose();
});

test("three threads give the bits of one in calls that are worth them, in the relaxed build too", async () => {
  for (const simd of ["plain", "relaxed"] as const) {
    const [alone, team] = [await threads.create({ threads: 1, simd }), await threads.create({ threads: 3, simd })];
    assert.is(team.simd, simd === "plain" ? "plain" : expectedSimd());
    assert.is(team.threads, expected().threads.create === 1 ? 1 : 3);
    const [one, three] = [await digest(asSource(alone), "shared:"), await digest(asSource(team), "shared:")];
    assert.ok(one.cases.length >= 12);
    assert.equal(three.cases, one.cases);
    for (const la of [alone, team]) la.dispose();
  }
});

test("an instance with threads takes no thread from another", async () => {
  const [first, second] = [await threads.create({ threads: 2 }), await threads.create({ threads: 2 })];
  const reference = await digest(asSource(main.createSync()), "shared: one head");
  for (const la of [first, second, first]) assert.equal(await digest(asSource(la), "shared: one head"), reference);
  first.dispose();
  assert.equal(await digest(asSource(second), "shared: one head"), reference);
  second.dispose();
});

const { host, threads: able } = expected();
if (able.create === 2 && ["chromium", "firefox", "webkit"].includes(host)) {
  test("a page names the worker's file itself; an address with no such file gives one thread, and one warning", async () => {
    const beside = (name: string): string => new URL(name, import.meta.url).href;
    const reference = await digest(asSource(main.createSync()), "shared: one head");
    const named = await threads.create({ threads: 2, worker: beside("./worker.js") });
    assert.is(named.threads, 2);
    assert.equal(await digest(asSource(named), "shared: one head"), reference);
    named.dispose();
    const found = await warnings(async () => {
      const la = await threads.create({ threads: 2, worker: beside("./missing.js") });
      assert.is(la.threads, 1);
      assert.equal(await digest(asSource(la), "shared: one head"), reference);
    });
    assert.is(found.length, 1);
    assert.match(found[0]!, `worker.js was not found at ${beside("./missing.js")} or broke down`);
    assert.match(found[0]!, "from its origin, with its headers, and name it with the option worker");
  });
}

if (able.create === 2 && ["chromium", "firefox", "webkit"].includes(host)) {
  test("in a worker of a page createSync waits for no worker of its own, which come when it yields; training has one thread, and says why", async () => {
    interface Page {
      new (
        address: string,
        options: { type: "module" },
      ): { onmessage: (event: { data: Nested }) => void; onerror: (event: { message?: string }) => void };
    }
    const { Worker } = globalThis as unknown as { Worker: Page };
    const worker = new Worker(new URL("./nested.js", import.meta.url).href, { type: "module" });
    const { ms, threads, ...rest } = await new Promise<Nested>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message ?? "no such worker"));
    });
    assert.ok(ms < 8000, `${ms} ms`); // workers that do not start are given up after 10 s
    const reason = "a worker of a browser may not wait for its own workers: use create()";
    const warned = [`laser-attention: one thread only: ${reason}`];
    assert.equal(rest, { training: 1, created: 2, warned });
    assert.is(threads[0], 1);
    assert.is(threads[2], 2); // in Firefox, where workers come while this one computes, after the long call already
  });
}

test.run();
