// npm run test:browsers: the portable tests as pages with and without cross-origin isolation, in every browser that is found. No driver:
// a page on this machine runs the tests and posts the outcome.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { browsers } from "./browsers.mjs";
import { build } from "./build.mjs";
import { bundle } from "./bundle.mjs";
import { conclude, missing, report, stop } from "./child.mjs";
import { at } from "./files.mjs";
import { bytes, PROGRAMS } from "./hosts.mjs";

const LIMIT_MS = 240_000;

const ALONE = "laser-attention: one thread only: ";

/** How a page is served, and what follows for threads. */
const pages = [
  {
    name: "isolated",
    headers: { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" },
    threads: { create: 2, createSync: 1 },
    warnings: [`${ALONE}a browser's main thread may not wait for workers: use create()`],
  },
  {
    name: "not isolated",
    headers: {},
    threads: { create: 1, createSync: 1 },
    warnings: [`${ALONE}threads need a cross-origin isolated page (headers COOP: same-origin and COEP: require-corp)`],
  },
];

const HTML = `<!doctype html><meta charset="utf-8"><title>laser-attention</title><script type="module" src="browser.js"></script>`;

/** Nothing but what the package needs: own scripts and workers, WebAssembly, and fetch of own files. */
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";

const TYPES = { js: "text/javascript", json: "application/json", wasm: "application/wasm", html: "text/html" };

/** Every file of the page but what is expected of the host. */
async function pageFiles() {
  const programs = ["browser", "instance", "nested"].map((name) => `${PROGRAMS}/${name}.ts`);
  const built = await bundle(programs, "build/portable/browser", { ...bytes, platform: "browser" });
  const shipped = ["worker.js", "kernels.wasm"].map((name) => at("dist", name));
  const files = [...built, ...shipped].map((file) => [`/${basename(file)}`, readFileSync(file)]);
  return new Map([["/index.html", HTML], ...files]);
}

/** Serves the page, and resolves `outcome` with what it posts. */
async function serve(files, { headers }, expected) {
  let arrived;
  const outcome = new Promise((resolve) => {
    arrived = resolve;
  });
  const server = createServer((request, response) => {
    const all = { ...headers, "content-security-policy": POLICY, "cache-control": "no-store" };
    if (request.method === "POST" && request.url === "/outcome") {
      let text = "";
      request.setEncoding("utf8").on("data", (more) => {
        text += more;
      });
      request.on("end", () => {
        response.writeHead(204, all).end();
        arrived(JSON.parse(text));
      });
      return;
    }
    const content = request.url === "/expected.json" ? JSON.stringify(expected) : files.get(request.url);
    const type = TYPES[request.url.split(".").at(-1)];
    response
      .writeHead(content === undefined ? 404 : 200, { ...all, ...(type && { "content-type": type }) })
      .end(content);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, outcome, address: `http://127.0.0.1:${server.address().port}/index.html` };
}

async function run(browser, page, files, home) {
  const { host, file, relaxedFrom, flags } = browser;
  const runtime = `${host}, page ${page.name}`;
  const given = page.name === "isolated" ? flags : undefined;
  const { threads, warnings } = page;
  const expected = { host, threads, warnings, compiles: true, workers: true, relaxedFrom: given ? 0 : relaxedFrom };
  const { server, outcome, address } = await serve(files, page, expected);
  let programs = [];
  let timer;
  try {
    programs = await browser.open(file, address, home, given);
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no outcome after ${LIMIT_MS / 1000} s`)), LIMIT_MS);
    });
    const ended = programs[0].ended.then((end) => Promise.reject(new Error(`ended early: ${end}`)));
    const result = await Promise.race([outcome, late, ended]);
    if (result.crash !== undefined) throw new Error(result.crash);
    return { ...result, runtime: `${result.runtime}, page ${page.name}` };
  } catch (error) {
    return { runtime, passed: 0, failed: 1, skipped: 0, errors: [error.message] };
  } finally {
    clearTimeout(timer);
    for (const program of programs) await stop(program);
    server.closeAllConnections();
    server.close();
  }
}

await build();
const files = await pageFiles();
const homes = mkdtempSync(join(tmpdir(), "laser-browsers-"));
// On every way out; what child.mjs ends then may still be writing.
process.on("exit", () => rmSync(homes, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
const results = [];
for (const browser of browsers) {
  if (!browser.file) {
    results.push(missing(browser.host, `not found; on Debian and Ubuntu: apt-get install ${browser.packages}`));
    continue;
  }
  for (const [n, page] of pages.entries()) {
    const home = join(homes, `${browser.host}-${n}`);
    mkdirSync(home);
    results.push(report(await run(browser, page, files, home)));
  }
}
conclude(results);
