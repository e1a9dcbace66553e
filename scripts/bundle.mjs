// TypeScript programs of this repository as single ESM files: Node 20 cannot run TypeScript itself.
import { existsSync, readFileSync } from "node:fs";
import { basename, relative } from "node:path";
import { build as esbuild } from "esbuild";
import { at, root, write } from "./files.mjs";
import { MAPS, named } from "./ship.mjs";

const REQUIRE =
  'import { createRequire as requireOf } from "node:module";\nconst require = requireOf(import.meta.url);';

/** Gives the files of dist their source maps, so that traces name lines of src. */
const mapped = {
  name: "source maps of dist",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]dist[\\/].*\.js$/ }, ({ path }) => {
      const map = at(MAPS, `${relative(at("dist"), path)}.map`);
      if (!existsSync(map)) return undefined;
      return { contents: `${readFileSync(path, "utf8")}\n//# sourceMappingURL=${map}`, loader: "js" };
    });
  },
};

/** Bundles `files` into `folder` and returns the paths of the bundles, in order. `options` are esbuild's. */
export async function bundle(files, folder, options = {}) {
  const { outputFiles } = await esbuild({
    absWorkingDir: root,
    entryPoints: files.map((file) => ({ in: file, out: basename(file, ".ts") })),
    outdir: folder,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "es2022",
    sourcemap: "inline",
    write: false,
    ...options,
    plugins: [mapped, named, ...(options.plugins ?? [])],
    // Libraries in CommonJS ask for modules of Node by require; browsers and workerd have none.
    banner: options.platform === "browser" ? {} : { js: REQUIRE },
  });
  for (const { path, contents } of outputFiles) write(path, contents);
  return outputFiles.map(({ path }) => path);
}
