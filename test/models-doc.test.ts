/** docs/models.md: its code as it stands there, one program. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { runDocument } from "./support/document.js";

interface Results {
  spoken: number[];
  filled: number[];
  seen: number[];
  heard: number[];
  scores: Float32Array;
  own: number;
  thinned: number;
  paddedLoss: number;
  best: number;
}

test("the code of docs/models.md runs, all four families learn, and it imports what is exported", async () => {
  const names = ["spoken", "filled", "seen", "heard", "scores", "own", "thinned", "paddedLoss", "best"];
  const [results, printed] = await runDocument<Results>("docs/models.md", 11, names);
  const { scores, own, thinned, paddedLoss, best, ...losses } = results;
  assert.is(printed.filter((line) => /^[a-z ]+: loss \d\.\d\d to \d\.\d\d$/.test(line)).length, 4, printed.join("\n"));
  for (const [name, all] of Object.entries(losses)) {
    const [begin, end] = [all[0]!, all.slice(-5).reduce((sum, loss) => sum + loss / 5, 0)];
    // A masked model of this size reaches the letters' frequencies by then, 0.94 of the first loss; the others end at 0.12 of it or less.
    assert.ok(end < (name === "filled" ? 0.96 : 0.2) * begin, `${name}: ${begin} to ${end}`);
  }
  assert.is(scores.length, 2 * (new Set("the quick brown fox jumps over the lazy dog. ").size + 1));
  assert.ok(Number.isFinite(own + thinned + paddedLoss));
  // Of 27 characters as often as in English 3; after some rounds of a text that repeats itself far less.
  assert.ok(best < 1, `${best}`);
});

test.run();
