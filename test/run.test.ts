/** The loop of train and compare: when it saves, and what stops it. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { chart } from "../src/cli/chart.js";
import { formatTime, LAST, runAll } from "../src/cli/run.js";
import { createSync, loadCheckpoint } from "../src/nn/index.js";
import { makeTask, recipeOf, Trainer } from "../src/train/index.js";
import { replacing } from "./support/host.js";
import { TEXT } from "./support/made-data.js";

const out = mkdtempSync(join(tmpdir(), "laser-attention-"));
const SIZES = { width: 16, heads: 2, layers: 1, context: 16, batch: 2, evaluations: 1, every: 3, steps: 100 };

/** Runs with what happens around a step and a save. */
async function run(folder: string, onStep: (trainer: Trainer) => void, onSave: () => void = () => {}, json = true) {
  const nn = createSync({ threads: 1 });
  const recipe = recipeOf("lm", SIZES);
  class Watched extends Trainer {
    override step() {
      const progress = super.step();
      onStep(this);
      return progress;
    }
    override save(notes?: { readonly [name: string]: unknown }) {
      onSave();
      return super.save(notes);
    }
  }
  const trainer = new Watched(nn, "lm", makeTask(nn, "lm", recipe, TEXT), recipe);
  const options = { json, out: join(out, folder), notes: {}, again: "" };
  const said: string[] = [];
  const write = (text: string) => said.push(text) > 0;
  try {
    const done = await replacing(process.stdout, { write } as object, () =>
      runAll([{ trainer, folder: options.out }], options),
    );
    return { done, steps: trainer.steps, said, code: process.exitCode };
  } finally {
    process.exitCode = 0;
    nn.dispose();
  }
}

for (const [signal, exit] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const) {
  test(`${signal} stops a run and one more while it saves does not cut that short; the exit code is ${exit}`, async () => {
    let saves = 0;
    const { done, steps, code } = await run(
      signal,
      ({ steps }) => {
        if (steps === 2) process.emit(signal);
      },
      () => {
        // The first one is that of the first step. Without a listener the process would end.
        if (++saves === 2) assert.ok(process.emit(signal));
      },
    );
    assert.is(done, false);
    assert.is(saves, 2);
    assert.is(steps, 2);
    assert.is(code, exit);
    const { run: kept } = loadCheckpoint(readFileSync(join(out, signal, LAST))).extra as {
      run: { history: { losses: number[] } };
    };
    assert.is(kept.history.losses.length, steps);
    assert.equal(readdirSync(join(out, signal)).sort(), [LAST, "report.html"]);
    assert.is(process.listenerCount(signal), 0);
  });
}

test("a run that fails at its first step leaves no folder; one that fails later, its checkpoint", async () => {
  for (const last of [0, 1]) {
    const failing = ({ steps }: Trainer) => {
      if (steps > last) throw new RangeError(`step ${steps}: the loss is NaN`);
    };
    const folder = `fails-${last}`;
    const said = await run(folder, failing).catch((error: Error) => error.message);
    const file = join(out, folder, LAST);
    const kept = last === 0 ? "" : `. The last checkpoint is ${file}`;
    const hint = last === 0 ? "" : " and another --out";
    assert.is(said, `laser: step ${last + 1}: the loss is NaN${kept}. Try a smaller --lr${hint}`);
    assert.is(existsSync(join(out, folder)), last > 0);
  }
});

test("evaluations are lines of the output; in the terminal of the bar it is cleared for them", async () => {
  for (const isTTY of [false, true]) {
    const drawn: string[] = [];
    const bar = { isTTY: true, write: (text: string) => drawn.push(text) > 0 } as object;
    const stop = ({ steps }: Trainer) => {
      if (steps === 3) process.emit("SIGINT");
    };
    const nothing = () => {};
    const { said } = await replacing(process.stderr, bar, () =>
      replacing(process.stdout, { isTTY } as object, () => run("terminal", stop, nothing, false)),
    );
    assert.ok(said.some((line) => /^laser step 3: loss/.test(line)));
    assert.is(drawn.includes("\r\x1b[2K"), isTTY);
    // The bar stays in the line where the cursor is: it saves and restores no place.
    assert.not.ok(drawn.some((text) => text === "\x1b7" || text === "\x1b8"));
  }
});

test("a run says its best evaluation where that is not the last, and so does the report", async () => {
  const better = ({ steps, history }: Trainer) => {
    if (steps === 3) history.evaluations[0]!.value = 0.5;
  };
  const { done, said } = await run("best", better, () => {}, false);
  assert.ok(done);
  assert.match(said.join(""), /laser: validation loss \d\.\d{4}; best 0\.5000, at step 3\n/);
  assert.match(
    readFileSync(join(out, "best", "report.html"), "utf8"),
    /validation loss, best<\/td><td>0\.50000, step 3</,
  );
});

test("a chart of one point shows it", () => {
  const [, path = ""] = chart("one", [{ name: "a", points: [[1, 2]] }]).match(/polyline points="([^"]*)"/)!;
  const [first, second] = path.split(" ");
  assert.ok(first !== undefined && first === second, path); // a line of no length, which has round ends
});

test("the time left has no 60 seconds", () => {
  const cases = { 0: "0s", 59: "59s", 60: "1m00s", 839: "14m00s", 842: "14m00s", 3599: "1h00m", 3661: "1h01m" };
  for (const [seconds, text] of Object.entries(cases)) assert.is(formatTime(Number(seconds)), text);
  assert.is(formatTime("INF" as never), "?");
});

test.after(() => rmSync(out, { recursive: true, force: true }));
test.run();
