// npm run test:browsers: the portable tests in Chromium, Firefox and WebKit, as pages with and without cross-origin isolation. No driver:
// a page runs the tests and posts the outcome.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { basename, delimiter, join } from "node:path";
import { build, root } from "./build.mjs";
import { bundle } from "./bundle.mjs";
import { conclude, missing, report, start, stop } from "./child.mjs";
import { bytes, PROGRAMS } from "./hosts.mjs";

const LIMIT_MS = 120_000;

const onPath = (...names) =>
  names
    .flatMap((name) => (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, name)))
    .find((file) => existsSync(file));

/** MiniBrowser is in no folder of the path: below /usr/lib/TRIPLET or /usr/libexec, in a folder named after the API's version. */
function miniBrowser() {
  const below = (folder) => (existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []);
  const folders = ["/usr/lib", ...below("/usr/lib"), "/usr/libexec"].flatMap((folder) =>
    existsSync(folder) && /^\/usr\/lib(exec)?(\/[\w-]+-gnu\w*)?$/.test(folder) ? below(folder) : [],
  );
  const found = folders
    .filter((path) => /^webkit2?gtk-\d/.test(basename(path)))
    .map((path) => join(path, "MiniBrowser"));
  return onPath("MiniBrowser") ?? found.find((file) => existsSync(file));
}

/** As few services of the desktop as possible, and every file in `home`, which is removed afterwards. */
const environment = (home) => ({
  ...process.env,
  HOME: home,
  TMPDIR: home,
  XDG_CONFIG_HOME: home,
  XDG_CACHE_HOME: home,
  XDG_DATA_HOME: home,
  XDG_RUNTIME_DIR: home,
  DBUS_SESSION_BUS_ADDRESS: "disabled:",
  NO_AT_BRIDGE: "1",
  GSETTINGS_BACKEND: "memory",
});

const FIREFOX_PREFERENCES = `
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.homepage_override.mstone", "ignore");
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.update.enabled", false);
`;

const silent = (home, more = {}) => ({ stdio: "ignore", env: { ...environment(home), ...more } });

/** A browser: the packages that bring it, and how it opens a page. `open` returns the programs to end afterwards. */
const browsers = [
  {
    host: "chromium",
    packages: "chromium",
    file: onPath("chromium", "chromium-browser", "google-chrome-stable", "google-chrome"),
    relaxedFrom: 114,
    open(file, address, home) {
      const root = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
      const quiet = ["--no-first-run", "--disable-background-networking", "--disable-gpu", "--disable-dev-shm-usage"];
      return [start(file, ["--headless=new", ...root, ...quiet, `--user-data-dir=${home}`, address], silent(home))];
    },
  },
  {
    host: "firefox",
    packages: "firefox-esr",
    file: onPath("firefox", "firefox-esr"),
    relaxedFrom: 145,
    open(file, address, home) {
      writeFileSync(join(home, "user.js"), FIREFOX_PREFERENCES);
      return [start(file, ["--headless", "--no-remote", "--profile", home, address], silent(home))];
    },
  },
  {
    host: "webkit",
    packages: "webkit2gtk-driver xvfb",
    file: onPath("Xvfb") && miniBrowser(),
    // WebKitGTK has both, switched off. The page without isolation is WebKit as it comes.
    flags: { JSC_useWasmRelaxedSIMD: "1", JSC_useSharedArrayBuffer: "1" },
    async open(file, address, home, flags) {
      const display = start("Xvfb", ["-displayfd", "3", "-screen", "0", "800x600x24", "-nolisten", "tcp"], {
        ...silent(home),
        stdio: ["ignore", "ignore", "ignore", "pipe"],
      });
      const number = await new Promise((resolve, reject) => {
        display.child.stdio[3].setEncoding("utf8").once("data", (text) => resolve(text.trim()));
        display.ended.then((end) => reject(new Error(`Xvfb: ${end}`)));
      });
      const software = { WEBKIT_DISABLE_COMPOSITING_MODE: "1", WEBKIT_DISABLE_DMABUF_RENDERER: "1" };
      return [start(file, [address], silent(home, { ...software, ...flags, DISPLAY: `:${number}` })), display];
    },
  },
];

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

/** The strictest policy that the package can do with. */
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";

const TYPES = { js: "text/javascript", json: "application/json", wasm: "application/wasm", html: "text/html" };

/** Serves the page and its files, and resolves `outcome` with what it posts. */
async function serve({ headers }, expected) {
  const programs = ["browser", "instance"].map((name) => `${PROGRAMS}/${name}.ts`);
  const built = await bundle(programs, "build/portable/browser", { ...bytes, platform: "browser" });
  const files = new Map([
    ["/index.html", HTML],
    ["/expected.json", JSON.stringify(expected)],
    ...[...built, join(root, "dist/worker.js"), join(root, "dist/kernels.wasm")].map((file) => [
      `/${basename(file)}`,
      readFileSync(file),
    ]),
  ]);
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
    const content = files.get(request.url);
    const type = TYPES[request.url.split(".").at(-1)];
    response
      .writeHead(content === undefined ? 404 : 200, { ...all, ...(type && { "content-type": type }) })
      .end(content);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, outcome, address: `http://127.0.0.1:${server.address().port}/index.html` };
}

async function run(browser, page) {
  const { host, file, relaxedFrom, flags } = browser;
  const runtime = `${host}, page ${page.name}`;
  const given = page.name === "isolated" ? flags : undefined;
  const { threads, warnings } = page;
  const expected = { host, threads, warnings, compiles: true, workers: true, relaxedFrom: given ? 0 : relaxedFrom };
  const { server, outcome, address } = await serve(page, expected);
  const home = mkdtempSync(join(tmpdir(), "laser-browser-"));
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
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

await build();
const results = [];
for (const browser of browsers) {
  if (!browser.file) {
    results.push(missing(browser.host, `not found; on Debian and Ubuntu: apt-get install ${browser.packages}`));
    continue;
  }
  for (const page of pages) results.push(report(await run(browser, page)));
}
conclude(results);
