// One page in a headless Chromium: a server on this machine, a fresh profile, and the result that the page POSTs.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { start, stop } from "../../../scripts/child.mjs";
import { chromium } from "../../../scripts/programs.mjs";

// biome-ignore format: a kind a line
const FLAGS = [
  "--headless=new", "--disable-gpu", "--no-first-run",
  "--no-sandbox", // as root it does not start otherwise
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic",
];

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};
const LIMIT_MS = 60_000;

/** The header that says what a page may do. */
export const POLICY = "content-security-policy";

/**
 * Opens index.html of `folder`, every file served with `headers`, a content security policy among them. Resolves to what the page
 * POSTs to /result, and to what the browser reports as violations of the policy.
 */
export async function visit(folder, headers) {
  const { server, address, result, violations } = await serve(folder, headers);
  const profile = mkdtempSync(join(tmpdir(), "laser-attention-chromium-"));
  const args = [...FLAGS, `--user-data-dir=${profile}`, `${address}/index.html`];
  const browser = start(chromium(), args, { stdio: "ignore" });
  const late = setTimeout(LIMIT_MS, { error: `no result within ${LIMIT_MS} ms` }, { ref: false });
  const early = browser.ended.then((end) => ({ error: `the browser ended: ${end}` }));
  const answer = await Promise.race([result, late, early]);
  // Reports of violations come after what has caused them.
  await setTimeout(200);
  await stop(browser);
  server.closeAllConnections();
  server.close();
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  return { ...answer, violations };
}

async function serve(folder, headers) {
  // The report's address is all that is added: it permits nothing.
  const reporting = { ...headers, [POLICY]: `${headers[POLICY]}; report-uri /violation` };
  const violations = [];
  const server = createServer();
  const result = new Promise((resolve) => {
    server.on("request", (request, response) => {
      const { pathname } = new URL(request.url, "http://localhost");
      if (request.method !== "POST") return sendFile(response, join(folder, decodeURIComponent(pathname)), reporting);
      const chunks = [];
      request.on("data", (chunk) => chunks.push(chunk));
      request.on("end", () => {
        response.writeHead(204).end();
        const posted = JSON.parse(Buffer.concat(chunks).toString());
        if (pathname === "/result") resolve(posted);
        else violations.push(posted["csp-report"]);
      });
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, address: `http://127.0.0.1:${server.address().port}`, result, violations };
}

function sendFile(response, path, headers) {
  let bytes;
  try {
    bytes = readFileSync(path);
  } catch {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { ...headers, "content-type": TYPES[extname(path)] ?? "application/octet-stream" });
  response.end(bytes);
}
