// How each bundler builds the app in app/: what a user of that bundler would write, and nothing more.
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { here, succeed } from "./context.mjs";
import { programsOf } from "./readme.mjs";

const PAGE = (script) => `<!doctype html><meta charset="utf-8"><title>app</title>${script}\n`;
const MODULE = PAGE('<script type="module" src="./main.js"></script>');

/** The worker's file beside the bundle, where bundlers that do not know new Worker(new URL()) leave its address. */
const WORKER = "laser-attention/worker.js";

/**
 * Each has: `slim`, the lines that make `la` from the slim entry, the README's where it has some; and `build`, which takes the folder
 * of the app's sources, where the package is installed too, and fills the folder `out`.
 */
export const bundlers = {
  esbuild: {
    slim: withSlim('import kernels from "laser-attention/kernels.wasm";'),
    async build(source, out) {
      const { build } = await import("esbuild");
      const { warnings } = await build({
        absWorkingDir: source,
        entryPoints: { main: "main.js", worker: WORKER },
        outdir: out,
        bundle: true,
        minify: true,
        format: "esm",
        loader: { ".wasm": "file" },
        logLevel: "silent",
      });
      quiet(warnings.map(({ text }) => text));
      writeFileSync(join(out, "index.html"), MODULE);
    },
  },

  vite: {
    slim: programsOf("Vite")[0],
    async build(source, out) {
      const { build, createLogger } = await import("vite");
      writeFileSync(join(source, "index.html"), MODULE);
      const warnings = [];
      const note = (text) => warnings.push(text);
      const customLogger = { ...createLogger(), info() {}, warn: note, warnOnce: note };
      const output = { outDir: out, emptyOutDir: true };
      await build({ root: source, configFile: false, base: "./", customLogger, build: output });
      quiet(warnings);
    },
  },

  webpack: {
    slim: programsOf("webpack")[0],
    async build(source, out) {
      const { default: webpack } = await import("webpack");
      const output = { path: out, filename: "main.js" };
      // It warns of apps beyond 244 KiB: this one loads three entries, each with kernels of its own.
      const performance = { hints: false };
      const compiler = webpack({ mode: "production", context: source, entry: "./main.js", output, performance });
      const stats = await new Promise((resolve, reject) => {
        compiler.run((error, result) => compiler.close(() => (error ? reject(error) : resolve(result))));
      });
      quiet(stats.hasErrors() || stats.hasWarnings() ? [stats.toString("errors-warnings")] : []);
      writeFileSync(join(out, "index.html"), PAGE('<script defer src="./main.js"></script>'));
    },
  },

  rollup: {
    slim: withSlim('import kernels from "laser-attention/kernels.wasm";'),
    async build(source, out) {
      const [{ rollup }, { nodeResolve }] = await Promise.all([
        import("rollup"),
        import("@rollup/plugin-node-resolve"),
      ]);
      const assets = {
        name: "wasm-as-asset",
        load(id) {
          if (!id.endsWith(".wasm")) return null;
          const reference = this.emitFile({ type: "asset", name: "kernels.wasm", source: readFileSync(id) });
          return `export default import.meta.ROLLUP_FILE_URL_${reference};`;
        },
      };
      const input = { main: join(source, "main.js"), worker: WORKER };
      const plugins = [nodeResolve({ browser: true, rootDir: source }), assets];
      const built = await rollup({ input, plugins, onwarn: ({ message }) => quiet([message]) });
      await built.write({ dir: out, format: "es" });
      await built.close();
      writeFileSync(join(out, "index.html"), MODULE);
    },
  },

  bun: {
    slim: withSlim('import kernels from "laser-attention/kernels.wasm" with { type: "file" };'),
    async build(source, out) {
      const worker = join(source, "node_modules", WORKER.replace("/", "/dist/"));
      const entries = ["./main.js", worker];
      const names = ["--entry-naming=[name].js", "--asset-naming=[name]-[hash].[ext]"];
      await succeed(bun(), ["build", ...entries, "--outdir", out, "--minify", ...names], { cwd: source });
      writeFileSync(join(out, "index.html"), MODULE);
    },
  },
};

/** The lines of a bundler that the README does not name, from the one that gives the address of the kernels. */
function withSlim(kernels) {
  return `${kernels}\nimport { create } from "laser-attention/slim";\nconst la = await create({ wasm: kernels });\n`;
}

/** A warning about the package is one that each of its users gets. */
function quiet(warnings) {
  if (warnings.length > 0) throw new Error(warnings.join("\n"));
}

/** Bun of this folder. */
export const bun = () => join(here, "node_modules/.bin/bun");

/** Puts the sources of the app into `folder`, with `program` as its main.js and the lines that are the bundler's own. */
export function writeApp(folder, slim, program = "main.js") {
  cpSync(join(here, "app"), folder, { recursive: true });
  cpSync(join(here, "app", program), join(folder, "main.js"));
  writeFileSync(join(folder, "slim.js"), `${slim}export { la };\n`);
}
