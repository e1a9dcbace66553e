/** docs/models.md: its code as it stands there, one program. */
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as models from "../src/models/index.js";
import * as training from "../src/nn/index.js";

interface Results {
  spoken: number[];
  filled: number[];
  seen: number[];
  heard: number[];
  scores: Float32Array;
  own: number;
}

test("the code of docs/models.md runs, all four families learn, and it imports what is exported", () => {
  const blocks = [...readFileSync("docs/models.md", "utf8").matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code!);
  assert.is(blocks.length, 7);
  const code = blocks
    .join("\n")
    .replace(/^import \{(.*)\} from "laser-attention\/(.*)";$/gm, (_, names: string, entry) => {
      for (const name of names.split(",")) assert.ok(name.trim() in (entry === "nn" ? training : models), name);
      return `const {${names}} = ${entry === "nn" ? "training" : "models"};`;
    });
  const results = "spoken, filled, seen, heard, scores, own";
  const run = new Function("models", "training", `${code}\nreturn { ${results} };`);
  const { scores, own, ...losses } = run(models, training) as Results;
  for (const [name, all] of Object.entries(losses)) {
    const [begin, end] = [all[0]!, all.slice(-5).reduce((sum, loss) => sum + loss / 5, 0)];
    // A masked model of this size reaches the letters' frequencies by then, 0.94 of the first loss; the others end at 0.12 of it or less.
    assert.ok(end < (name === "filled" ? 0.96 : 0.2) * begin, `${name}: ${begin} to ${end}`);
  }
  assert.is(scores.length, 2 * (new Set("the quick brown fox jumps over the lazy dog. ").size + 1));
  assert.ok(Number.isFinite(own));
});

test.run();
