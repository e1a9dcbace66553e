/** docs/inference.md: its code as it stands there, one program. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Candidate, Filled, Transcription } from "../src/models/index.js";
import type { StateDict } from "../src/nn/index.js";
import { runDocument } from "./support/document.js";

interface Results {
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
  const names = ["written", "probabilities", "filled", "vectors", "classes", "heard", "states"];
  const [found, printed] = await runDocument<Results>("docs/inference.md", 14, names, (code) =>
    code.replace(/nn\.dispose\(\);\s*$/, `${more}\n$&`),
  );
  const { written, probabilities, filled, vectors, classes, heard, states } = found;
  assert.is(written.length, 40);
  assert.match(written, "or not to be");
  assert.is(printed[0], written);
  assert.is(printed[1], "true");
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
