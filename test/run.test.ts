/** The loop of train and compare: when it saves, and what stops it. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { chart, smooth } from "../src/cli/chart.js";
import { report } from "../src/cli/report.js";
import { Bar, BEST, digestOfFile, formatTime, LAST, runAll } from "../src/cli/run.js";
import { VERSION } from "../src/generated/version.js";
import { type Checkpoint, createSync, loadCheckpoint } from "../src/nn/index.js";
import { makeTask, recipeOf, Trainer } from "../src/train/index.js";
import { replacing } from "./support/host.js";
import { TEXT } from "./support/made-data.js";

const out = mkdtempSync(join(tmpdir(), "laser-attention-"));
const SIZES = { width: 16, heads: 2, layers: 1, context: 16, batch: 2, evaluations: 1, every: 3, steps: 100 };

interface Watch {
  onStep?: (trainer: Trainer) => void;
  onSave?: () => void;
  json?: boolean;
  /** Gets what the run says. */
  said?: string[];
  steps?: number;
  notes?: { data?: string };
  /** What it goes on with. */
  resume?: Checkpoint | undefined;
}

/** Runs with what happens around a step and a save. */
async function run(folder: string, watch: Watch = {}) {
  const { onStep, onSave, json = true, said = [], steps = SIZES.steps, resume, notes = {} } = watch;
  const nn = createSync({ threads: 1 });
  const recipe = recipeOf("lm", { ...SIZES, steps });
  class Watched extends Trainer {
    override step() {
      const progress = super.step();
      onStep?.(this);
      return progress;
    }
    override save(notes?: { readonly [name: string]: unknown }) {
      if (this.steps > 0) onSave?.(); // what it begins with is written for a second step that fails alone
      return super.save(notes);
    }
  }
  const trainer = new Watched(nn, "lm", makeTask(nn, "lm", recipe, TEXT), recipe);
  if (resume !== undefined) trainer.resume(resume);
  const options = { json, out: join(out, folder), notes, again: "" };
  const write = (text: string) => said.push(text) > 0;
  try {
    const done = await replacing(process.stdout, { write } as object, () =>
      runAll([{ trainer, folder: options.out, last: resume && digestOfFile(join(options.out, LAST)) }], options),
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
    const { done, steps, code } = await run(signal, {
      onStep: ({ steps }) => {
        if (steps === 2) process.emit(signal);
      },
      onSave: () => {
        // The first one is that of the second step. Without a listener the process would end.
        if (++saves === 2) assert.ok(process.emit(signal));
      },
    });
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

test("of two signals the first is the exit code; a run that a signal meets in its last step is done and has none", async () => {
  const emitting =
    (step: number, ...signals: NodeJS.Signals[]) =>
    ({ steps }: Trainer) => {
      if (steps === step) for (const signal of signals) process.emit(signal);
    };
  const stopped = await run("signals", { onStep: emitting(2, "SIGTERM", "SIGINT") });
  assert.equal([stopped.done, stopped.code], [false, 143]);
  const last = await run("last", { steps: 3, onStep: emitting(3, "SIGINT") });
  assert.equal([last.done, last.code ?? 0], [true, 0]);
});

test("a run that fails in its first step leaves nothing, in its second what it began with, later its last; the report has the losses", async () => {
  for (const last of [0, 1, 2]) {
    const failing = ({ steps, history }: Trainer) => {
      if (steps <= last) return;
      history.losses.pop();
      throw new RangeError(`step ${last + 1}: the loss is NaN`);
    };
    const folder = `fails-${last}`;
    const said: string[] = [];
    const message = await run(folder, { onStep: failing, said }).catch((error: Error) => error.message);
    const file = join(out, folder, LAST);
    const kept =
      last === 0
        ? ""
        : `. The last checkpoint is ${file}, of step ${["", "0", "2, whose parameters may have been useless already"][last]}`;
    const hint = last === 0 ? "" : " and another --out"; // a new run refuses what is there then
    assert.is(message, `laser: step ${last + 1}: the loss is NaN${kept}. Try a smaller --lr${hint}`);
    assert.equal(JSON.parse(said.at(-1)!), { event: "failed", variant: "laser", message });
    const left = existsSync(join(out, folder)) ? readdirSync(join(out, folder)).sort() : [];
    assert.equal(left, last === 0 ? [] : [LAST, "report.html"]);
    if (last > 0) {
      const { state, optimizer } = loadCheckpoint(readFileSync(file));
      assert.is(optimizer!.steps, last === 1 ? 0 : 2);
      assert.ok([...state.values()].every(({ data }) => (data as Float32Array).every(Number.isFinite)));
      assert.match(
        readFileSync(join(out, folder, "report.html"), "utf8"),
        /Failed.*the loss is NaN(.|\n)*Training loss/,
      );
    }
  }
});

test("a run that is killed between its two files goes on to the same best", async () => {
  const best = async (folder: string, onSave: () => void) => {
    await run(folder, { onSave, steps: 6 }).catch((error: Error) => assert.is(error.message, "killed"));
    const file = join(out, folder, LAST);
    const resume = existsSync(file) ? loadCheckpoint(readFileSync(file)) : undefined;
    await run(folder, { steps: 6, resume });
    return loadCheckpoint(readFileSync(join(out, folder, BEST)));
  };
  const undisturbed = await best("whole", () => {});
  // Saved: after step 2; then, as 3 and 6 are the best so far, two files each.
  for (const killed of [2, 3, 4, 5]) {
    let saves = 0;
    const { state, extra } = await best(`killed-${killed}`, () => {
      if (++saves === killed) throw new Error("killed");
    });
    assert.equal(extra.run, undisturbed.extra.run, `${killed}`);
    assert.equal(state, undisturbed.state);
    assert.is(saves, killed);
  }
});

test("what a killed program left half-written is removed; of two runs into one folder the second stops", async () => {
  const [folder, other] = [join(out, "halves"), "shared"];
  mkdirSync(folder);
  const [gone, alive] = [2 ** 31 - 1, process.ppid];
  for (const name of [`${LAST}.${gone}.new`, `${BEST}.${gone}.new`, `${LAST}.${alive}.new`, `${LAST}.new`]) {
    writeFileSync(join(folder, name), "");
  }
  await run("halves", { steps: 3 });
  assert.equal(readdirSync(folder).sort(), [BEST, LAST, `${LAST}.${alive}.new`, `${LAST}.new`, "report.html"]);
  const late = ({ steps }: Trainer) => {
    if (steps !== 1) return;
    mkdirSync(join(out, other));
    writeFileSync(join(out, other, LAST), "of another run");
  };
  const said = await run(other, { onStep: late }).catch((error: Error) => error.message);
  assert.match(
    `${said}`,
    /last\.safetensors was written by another run in the meantime: stop one of them, or give another --out/,
  );
  assert.is(readFileSync(join(out, other, LAST), "utf8"), "of another run");
});

test("a last.safetensors that another run wrote in between is left as it is, and named; one that is gone is written anew", async () => {
  const file = join(out, "two", LAST);
  const at3 = (action: () => void) => (trainer: Trainer) => {
    if (trainer.steps === 3) action();
  };
  const said = await run("two", { steps: 4, onStep: at3(() => writeFileSync(file, "of the other one")) }).catch(
    (error: Error) => error.message,
  );
  assert.match(
    `${said}`,
    /last\.safetensors was written by another run in the meantime: stop one of them, or give another --out/,
  );
  assert.is(readFileSync(file, "utf8"), "of the other one");
  const gone = join(out, "gone", LAST);
  const { done } = await run("gone", { steps: 4, onStep: at3(() => rmSync(gone)) });
  assert.ok(done && existsSync(gone), "one that is gone is written anew");
});

test("evaluations are lines of the output; in the terminal of the bar it is cleared for them", async () => {
  for (const isTTY of [false, true]) {
    const drawn: string[] = [];
    const bar = { isTTY: true, write: (text: string) => drawn.push(text) > 0 } as object;
    const stop = ({ steps }: Trainer) => {
      if (steps === 3) process.emit("SIGINT");
    };
    const { said } = await replacing(process.stderr, bar, () =>
      replacing(process.stdout, { isTTY } as object, () => run(`terminal-${isTTY}`, { onStep: stop, json: false })),
    );
    assert.ok(said.some((line) => /^laser step 3: loss/.test(line)));
    assert.match(said.at(-1)!, /^Stopped after step 3 of 100, saved\./);
    assert.is(drawn.includes("\r\x1b[2K"), isTTY);
    // The bar stays in the line where the cursor is: it saves and restores no place.
    assert.not.ok(drawn.some((text) => text === "\x1b7" || text === "\x1b8"));
  }
});

test("a run says its best evaluation where that is not the last, and so does the report", async () => {
  const better = ({ steps, history }: Trainer) => {
    if (steps === 3) history.evaluations[0]!.value = 0.5;
  };
  const { done, said } = await run("best", { onStep: better, json: false, steps: 9 });
  assert.ok(done);
  assert.match(said.join(""), /laser: validation loss \d\.\d{4}; best 0\.5000, at step 3\n/);
  assert.match(
    readFileSync(join(out, "best", "report.html"), "utf8"),
    /validation loss, best<\/td><td>0\.50000, step 3</,
  );
});

test("a report says which version made it, of what data and what is held out, and has the same bytes for the same run", async () => {
  const texts = [];
  for (const name of ["one", "two"]) {
    await run(`report-${name}`, { steps: 3, notes: { data: "a <b>.txt" } });
    texts.push(readFileSync(join(out, `report-${name}`, "report.html"), "utf8"));
  }
  assert.match(texts[0]!, "<p>Data: a &lt;b&gt;.txt</p>");
  assert.match(texts[0]!, "Held out: the last tenth of the text, of which an evaluation takes at most 1 batches of 2.");
  assert.match(texts[0]!, `laser-attention ${VERSION}<`);
  assert.match(texts[0]!, ">step 3</text>"); // below the chart
  assert.is(texts[0], texts[1]);
});

test("what others wrote is text in a report: failures, paths, samples and names, with their &, <, > and quotes", () => {
  const hostile = '<b title="&lt;">';
  const text = "&lt;b title=&quot;&amp;lt;&quot;&gt;";
  const made = {
    ...{ family: "lm", steps: 1, recipe: recipeOf("lm", SIZES), best: undefined },
    history: { losses: [1], norms: [1], evaluations: [] },
    task: { measure: "loss", model: { parameterCount: 1 }, sample: () => hostile },
  } as unknown as Trainer;
  const notes = { data: hostile, init: hostile };
  const [failed, done] = [report([made], notes, hostile), report([made], notes)];
  assert.match(failed, `<strong>Failed.</strong> ${text}</p>`);
  for (const said of [`Data: ${text}</p>`, `Began with: ${text}</p>`, `<pre>${text}</pre>`]) assert.match(done, said);
  const html = chart(hostile, [{ name: hostile, points: [[1, 2]] }]);
  for (const said of [`<h2>${text}</h2>`, `aria-label="${text}"`, `>${text}</span>`]) assert.match(html, said);
  assert.not.match(html, "<b");
});

test("a long curve is smoothed to means over parts, each at its last step", () => {
  assert.equal(smooth([5, 1, 3]), [
    [1, 5],
    [2, 1],
    [3, 3],
  ]);
  assert.equal(smooth([1, 2, 6, 7, 9], 2), [
    [3, 3],
    [5, 8],
  ]);
  assert.is(smooth(new Array(400).fill(0)).length, 200);
  assert.is(smooth(new Array(401).fill(0)).length, 134); // parts of 3
  assert.equal(smooth([]), []);
});

test("a chart of one point shows it", () => {
  const [, path = ""] = chart("one", [{ name: "a", points: [[1, 2]] }]).match(/polyline points="([^"]*)"/)!;
  const [first, second] = path.split(" ");
  assert.ok(first !== undefined && first === second, path); // a line of no length, which has round ends
});

test("a chart's line goes through all points, from the first to the last, with the x of each", () => {
  const points = [1, 2, 4].map((x) => [x, 10 - x] as const);
  const [, path = ""] = chart("three", [{ name: "a", points }]).match(/polyline points="([^"]*)"/)!;
  const found = path.split(" ").map((one) => one.split(",").map(Number));
  assert.equal(found.length, 4); // the last one twice
  const [one, two, four] = found as [number[], number[], number[]];
  assert.ok(Math.abs((four[0]! - two[0]!) / (two[0]! - one[0]!) - 2) < 0.01, path);
  assert.ok(one[1]! < two[1]! && two[1]! < four[1]!, path); // larger values are higher up
});

test("the time left has no 60 seconds", () => {
  const cases = { 0: "0s", 59: "59s", 60: "1m00s", 839: "14m00s", 842: "14m00s", 3599: "1h00m", 3661: "1h01m" };
  for (const [seconds, text] of Object.entries(cases)) assert.is(formatTime(Number(seconds)), text);
  assert.is(formatTime("INF" as never), "?");
});

test.after(() => rmSync(out, { recursive: true, force: true }));
test("where there is no terminal a line says every ten seconds how far all runs are, and nothing with --json", async () => {
  const trainer = (variant: string, loss: number) => {
    const of = { task: { unit: "tokens" }, recipe: { steps: 10, variant }, steps: 2, history: { losses: [loss] } };
    return of as unknown as Trainer;
  };
  const runs = [trainer("standard", 3), trainer("laser", 2)];
  for (const json of [false, true]) {
    const lines: string[] = [];
    let ms = 0;
    await replacing(process.stderr, { isTTY: undefined, write: (line: string) => lines.push(line) }, () =>
      replacing(performance, { now: () => ms }, () => {
        const bar = new Bar(
          runs.map((trainer) => ({ trainer })),
          json,
        );
        for (let n = 0; n < 6; n++) {
          ms += 4000;
          bar.show(80, runs[n % 2]!);
        }
      }),
    );
    const want = [
      "7/20 | standard loss 3.000, laser loss 2.000 | 20 tokens/s | 52s left\n",
      "10/20 | standard loss 3.000, laser loss 2.000 | 20 tokens/s | 40s left\n",
    ];
    assert.equal(lines, json ? [] : want);
  }
});

test.run();
