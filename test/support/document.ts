/** A document whose blocks of code are one program. */
import { readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import * as models from "../../src/models/index.js";
import * as training from "../../src/nn/index.js";

/**
 * Runs the js blocks of a document, `count` of them, as one function, which may await.
 * @param names What to return of what the program declares
 * @param change The code as the test runs it
 * @returns The values of `names`, and what was printed, a text a line
 */
export async function runDocument<R>(
  file: string,
  count: number,
  names: readonly string[],
  change = (code: string) => code,
): Promise<[R, string[]]> {
  const blocks = [...readFileSync(file, "utf8").matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code!);
  assert.is(blocks.length, count);
  const code = blocks
    .join("\n")
    .replace(/^import \{(.*)\} from "laser-attention\/(.*)";$/gm, (_, imported: string, entry) => {
      for (const name of imported.split(",")) assert.ok(name.trim() in (entry === "nn" ? training : models), name);
      return `const {${imported}} = ${entry === "nn" ? "training" : "models"};`;
    });
  const printed: string[] = [];
  const console = { log: (...values: unknown[]) => printed.push(values.join(" ")) };
  const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as FunctionConstructor;
  const run = new AsyncFunction("models", "training", "console", `${change(code)}\nreturn { ${names.join(", ")} };`);
  return [(await run(models, training, console)) as R, printed];
}
