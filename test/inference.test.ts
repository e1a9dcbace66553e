/** docs/inference.md: its code as it stands there, one program. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Candidate, Filled, Transcription } from "../src/models/index.js";
import type { StateDict } from "../src/nn/index.js";
import { runDocument } from "./support/document.js";

interface Results {
  turns: number;
  written: string;
  probabilities: Float64Array;
  filled: Filled;
  vectors: Float32Array;
  classes: Candidate[];
  heard: Transcription;
  states: [StateDict, StateDict, StateDict];
}

test("the code of docs/inference.md runs, the model writes what it learned, and a run that goes on is one that never stopped", async () => {
  // Before the last line: the run that did not stop, and the models' parameters.
  const more =
    "train(model, optimizer, random, 3, 6); const states = [model, again, restore(nn, checkpoint)].map((one) => one.stateDict());";
  const names = ["turns", "written", "probabilities", "filled", "vectors", "classes", "heard", "states"];
  const others = "let turns = 0; const timer = setInterval(() => turns++, 0);\n$&";
  const [found, printed] = await runDocument<Results>("docs/inference.md", 14, names, (code) =>
    code
      .replace(/^const answer = /m, others)
      .replace(/^console\.log\(\(await answer\.text.*$/m, "$&\nclearInterval(timer);")
      .replace(/nn\.dispose\(\);\s*$/, `${more}\n$&`),
  );
  const { turns, written, probabilities, filled, vectors, classes, heard, states } = found;
  assert.is(written.length, 40);
  assert.match(written, "or not to be");
  assert.is(printed[0], written);
  assert.is(printed[1], "true");
  assert.ok(turns > 1, "other work has its turn while a body is sent");
  assert.is(printed.length, 7);
  assert.is(probabilities.length, new Set("to be or not").size);
  assert.is(filled.places[0]!.position, 4);
  assert.is(filled.places[0]!.candidates.length, 3);
  assert.ok(vectors.length === 2 * 16 && vectors.every(Number.isFinite));
  assert.ok(classes[0]!.probability >= classes[1]!.probability && classes.length === 3);
  assert.ok(Array.isArray(heard.labels) && heard.logLikelihood < 0);
  assert.is(printed[6], "gpt 6");
  const [whole, again, before] = states.map((state) => [...state]);
  assert.equal(again, whole);
  assert.not.equal(before, whole); // the steps from there on change something
});

test.run();
