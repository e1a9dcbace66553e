/** The examples that are programs of their own, in Deno, Bun, a browser, workerd, and on Node's worker threads. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Ended } from "./support/host.js";
import { type Picture, readPng } from "./support/png.js";
import { run, serving, testWith } from "./support/programs.js";

// Not an import, which would be bundled with this test.
const esbuild: typeof import("esbuild") = createRequire(resolve("package.json"))("esbuild");

function linesOf({ code, stdout, stderr }: Ended): string[] {
  assert.is(code, 0, `${stdout}${stderr}`);
  return stdout.trim().split("\n");
}

test("examples/04-deno: it needs no permission, and two threads give the bits of one", async () => {
  const deno = "Deno" in globalThis ? [] : ["node_modules/deno/bin.cjs"];
  const args = ["run", "--no-prompt", "--no-lock", "examples/04-deno.ts"];
  const lines = linesOf(await run(process.execPath, [...deno, ...args]));
  assert.match(lines[0]!, /^Deno 2\.\d+\.\d+, 1 thread\(s\)$/);
  assert.match(lines[1]!, /, 2 thread\(s\)$/);
  assert.is(lines[2], "same bits: true");
});

testWith("bun", "examples/05-bun: kernels as a file, and a first row that is its only key's value", async (bun) => {
  const [line] = linesOf(await run(bun, ["examples/05-bun.js"]));
  const off = /^Bun \d+\.\d+\.\d+: out 1,2,8,4, first row off by (\S+)$/.exec(line!)?.[1];
  // An exp and a log around one value: a few units in the last place of a number below 1.
  assert.ok(Number(off) < 1e-6, line);
});

test("examples/07-worker-pool: every sequence comes back, from both workers", async () => {
  const deno = "Deno" in globalThis ? ["run", "--no-lock", "-R"] : [];
  const lines = linesOf(await run(process.execPath, [...deno, "examples/07-worker-pool/main.js"]));
  assert.equal(lines, ["lengths: 20 40 60 80 100 120 140 160", "workers: 2"]);
});

/** The page at `url` after it has computed, and how it looks. What it says on the console is in stderr. */
async function visit(chromium: string, url: string, picture: string): Promise<{ dom: string; picture: Picture }> {
  const profile = mkdtempSync(join(tmpdir(), "laser-attention-"));
  const quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
  const root = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const args = ["--headless=new", ...root, ...quiet, "--disable-component-update", "--disable-sync"];
  const what = ["--window-size=1360,900", "--virtual-time-budget=10000", "--enable-logging=stderr"];
  const common = [...args, ...what, `--user-data-dir=${profile}`];
  try {
    const shown = await run(chromium, [...common, "--dump-dom", url]);
    assert.is(shown.code, 0, shown.stderr);
    assert.not.match(shown.stderr, /:CONSOLE/);
    const taken = await run(chromium, [...common, `--screenshot=${picture}`, url]);
    assert.is(taken.code, 0, taken.stderr);
    return { dom: shown.stdout, picture: readPng(readFileSync(picture)) };
  } finally {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

testWith("chromium", "examples/06-browser: maps of both gradients, under its content policy", async (chromium) => {
  const server = await esbuild.context({});
  try {
    const { port } = await server.serve({ servedir: ".", host: "127.0.0.1", port: 0 });
    mkdirSync("build", { recursive: true });
    const url = `http://127.0.0.1:${port}/examples/06-browser/`;
    const { dom, picture } = await visit(chromium, url, "build/06-browser.png");

    const line = (words: string): { pairs: number; all: number; ratio: number } => {
      const numbers = `(\\d+) of (\\d+) pairs, mean size of the gradient (\\S+) standard, (\\S+) LASER, (\\S+) times`;
      const found = new RegExp(`${words}: ${numbers}`).exec(dom);
      assert.ok(found, dom);
      const [pairs, all, standard, laser, ratio] = found.slice(1).map(Number) as [
        number,
        number,
        number,
        number,
        number,
      ];
      assert.ok(Math.abs(laser / standard - ratio) < 0.1 * ratio, found[0]);
      return { pairs, all, ratio };
    };
    const [faint, strong] = [line("p below 0.001"), line("p above 0.1")];
    assert.is(faint.all, (54 * 55) / 2);
    assert.ok(faint.pairs > faint.all / 2 && strong.pairs > 54, dom);
    // At the sliders' first positions: more gradient where softmax has decided against a key, less where for it.
    assert.ok(faint.ratio > 1 && strong.ratio < 1, dom);

    // Of 3 x 54 x 54 cells of 49 pixels: enough of each kind to be seen.
    const counts = { red: 0, blue: 0, dark: 0, grey: 0 };
    for (let y = 0; y < picture.height; y++) {
      for (let x = 0; x < picture.width; x++) {
        const [r, g, b] = picture.at(x, y);
        if (r > g + 60 && r > b + 60) counts.red++;
        if (b > r + 60 && b > g + 60) counts.blue++;
        if (r < 60 && g < 60 && b < 60) counts.dark++;
        if (r === 0xe4 && g === 0xe4 && b === 0xe4) counts.grey++;
      }
    }
    for (const [colour, count] of Object.entries(counts)) assert.ok(count > 2000, `${colour}: ${count} pixels`);
  } finally {
    await server.dispose();
  }
});

testWith("workerd", "examples/08-edge: JSON in, JSON out, and errors that say what was wrong", async (workerd) => {
  const folder = "examples/08-edge";
  await esbuild.build({
    ...{ entryPoints: [`${folder}/worker.js`], outdir: `${folder}/build`, bundle: true, format: "esm" },
    ...{ conditions: ["workerd"], loader: { ".wasm": "copy" }, assetNames: "[name]" },
  });
  const serve = ["serve", `${folder}/config.capnp`, "--socket-addr=http=127.0.0.1:0", "--control-fd=1"];
  await serving(workerd, serve, /"socket":"http","port":(\d+)/, async (port) => {
    const post = async (body: string) => {
      const answer = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body });
      return { status: answer.status, ...((await answer.json()) as { out?: number[][]; error?: string }) };
    };
    const rows = [
      [1, 2],
      [3, -4],
    ];
    const { status, out } = await post(JSON.stringify({ rows, variant: "standard" }));
    assert.is(status, 200);
    // The first row sees itself alone; the second weighs both by their scores, 1/sqrt(2) times -5 and 25.
    const p = 1 / (1 + Math.exp(30 / Math.sqrt(2)));
    const expected = [1, 2, 3 - 2 * p, -4 + 6 * p];
    for (const [n, x] of out!.flat().entries()) assert.ok(Math.abs(x - expected[n]!) < 1e-6, JSON.stringify(out));

    const wrong = await post(JSON.stringify({ rows, variant: "lazer" }));
    assert.is(wrong.status, 400);
    assert.match(wrong.error!, /variant must be .*"lazer"/);
    assert.is((await fetch(`http://127.0.0.1:${port}/`)).status, 405);
  });
});

test.run();
