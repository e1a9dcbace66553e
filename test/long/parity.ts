/** npm run parity -- FILE...: replays training goldens and compares; without files, those of the shared folder or the committed ones. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { createSync } from "../../src/nn/index.js";
import { failures, noFile, parityLimits, replay } from "../support/parity.js";

const folders = [join("..", "shared", "golden", "training"), join("test", "golden", "training")];
const folder = folders.find((path) => existsSync(path));
const given = process.argv.slice(2);
const files =
  given.length > 0
    ? given
    : folder === undefined
      ? []
      : readdirSync(folder)
          .filter((name) => name.endsWith(".safetensors"))
          .map((name) => join(folder, name));
const wrong = noFile(files);
if (wrong !== undefined) {
  console.error(`parity: files must be golden files of training, got ${wrong}`);
  process.exit(1);
}

const limits = Object.entries(parityLimits).map(([kind, limit]) => `${kind} ${limit}`);
console.log(`Relative errors against float64; limits: ${limits.join(", ")}`);
let missed = 0;
for (const simd of ["plain", "relaxed"] as const) {
  for (const file of files) {
    const nn = createSync({ threads: 2, simd });
    const parity = replay(nn, readFileSync(file), (step, steps) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${file} ${step}/${steps} `);
    });
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
    const { steps, loss, gradient, gradientNorm, endNorm, ms } = parity;
    const errors = Object.entries({ loss, gradient, gradientNorm, endNorm }).map(
      ([kind, { error, where }]) => `${kind} ${error.toExponential(1)} (${where})`,
    );
    const misses = failures(parity);
    missed += misses.length;
    const verdict = misses.length > 0 ? `  MISS: ${misses.join("; ")}` : "";
    console.log(
      `${nn.la.simd} ${basename(file, ".safetensors")}, ${steps} steps, ${(ms / 1000).toFixed(1)} s: ${errors.join(", ")}${verdict}`,
    );
    nn.dispose();
  }
}
if (missed > 0) process.exitCode = 1;
