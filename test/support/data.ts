/** Real data and golden training runs, which lie beside the repository and are not committed. */
import { existsSync } from "node:fs";
import { join } from "node:path";

const shared = join("..", "shared");
const data = process.env.DATA ?? join(shared, "data");
const training = join(shared, "golden", "training");

/** The paths, or undefined when one of them is not on this machine, which is said. */
function all(test: string, paths: readonly string[]): string[] | undefined {
  const absent = paths.filter((path) => !existsSync(path));
  if (absent.length === 0) return [...paths];
  console.log(`${test}: not on this machine, left out: ${absent.join(", ")}`);
  return undefined;
}

/** Files of the data folder (DATA names another one). */
export const dataFiles = (test: string, ...names: string[]): string[] | undefined =>
  all(
    test,
    names.map((name) => join(data, name)),
  );

/** Golden training runs, by MODEL.VARIANT. */
export const trainingFiles = (test: string, ...names: string[]): string[] | undefined =>
  all(
    test,
    names.map((name) => join(training, `${name}.safetensors`)),
  );
