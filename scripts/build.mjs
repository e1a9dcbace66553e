// Builds the package: kernels -> build/, generated sources -> src/generated/, bundles and declarations -> dist/.
// A step runs only when its inputs changed.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { declare } from "./declarations.mjs";
import { at, fingerprint, root, version, when, write } from "./files.mjs";
import {
  generateConstants,
  generateKernelTypes,
  generateProblem,
  generateShared,
  generateVersion,
  generateWorker,
  sign,
} from "./generate.mjs";
import { buildKernels, MODULES, TARGETS } from "./kernels.mjs";
import { bundleCommand, bundleEntries, bundleWorker, EDGE_ENTRIES, ENTRIES } from "./ship.mjs";

async function buildGenerated() {
  const put = (name, text) => write(at("src/generated", name), text);
  const kernelSource = (file) => readFileSync(at("assembly", file), "utf8");
  put("problem.ts", generateProblem(kernelSource("problem.ts")));
  put("shared.ts", generateShared(kernelSource));
  put("version.ts", generateVersion(version));
  for (const { name, folder, generated, types } of MODULES) {
    const declarations = readFileSync(at(`build/${name}.debug.d.ts`), "utf8");
    put(`${generated}-types.ts`, generateKernelTypes(declarations, types, `${folder}/index.ts`));
    for (const [target, ending] of Object.entries(TARGETS)) {
      const signed = sign(readFileSync(at(`build/${name}.${target}.wasm`)), `${version} ${name}${ending}`);
      write(at(`dist/${name}${ending}`), signed);
      put(`${generated}s${ending.replace(/wasm$/, "ts")}`, generateConstants(signed));
    }
  }
  put("worker.ts", generateWorker(await bundleWorker()));
}

export async function build() {
  process.chdir(root);
  await buildKernels();
  await buildGenerated();
  const inputs = fingerprint(
    "src",
    "tsconfig.json",
    "tsconfig.build.json",
    "scripts/ship.mjs",
    "scripts/declarations.mjs",
    "package.json",
  );
  const outputs = [...ENTRIES, ...EDGE_ENTRIES, "cli"].map((name) => `dist/${name}.js`);
  await when("dist", inputs, outputs, () => Promise.all([bundleEntries(), declare(), bundleCommand()]));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await build();
