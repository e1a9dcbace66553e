import { readdirSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseDigitName, parseTranscripts } from "../src/data/transcripts.js";
import { dataFiles } from "./support/data.js";
import { throws } from "./support/throws.js";

test("the name of a recording says digit and take, with or without folders", () => {
  const expected = { digit: 7, take: 3 };
  for (const path of ["7_lucas_3.wav", "a_b/7_lucas_3.wav", "/x/7_lucas_3.wav", "x\\7_lucas_3.wav"]) {
    assert.equal(parseDigitName(path), expected);
  }
  assert.equal(parseDigitName("0_o'neil-2_49.wav"), { digit: 0, take: 49 });
});

test("other names are refused with words", () => {
  for (const path of [
    "",
    "7_lucas.wav",
    "77_lucas_3.wav",
    "7_lucas_3.mp3",
    "7__3.wav",
    "7_lucas_x.wav",
    "x7_lucas_3.wav",
  ]) {
    throws(() => parseDigitName(path), RangeError, `must end with DIGIT_SPEAKER_TAKE.wav, got "${path}"`);
  }
});

test("a list of recordings has a path and a transcript a line", () => {
  const text = "\ufeffa b.wav\tone  two\r\nc/d.wav\t\n\ne.wav\tné";
  assert.equal(parseTranscripts(text), [
    { path: "a b.wav", transcript: "one  two" },
    { path: "c/d.wav", transcript: "" },
    { path: "e.wav", transcript: "né" },
  ]);
  assert.equal(parseTranscripts(""), []);
});

test("a line of another form is refused with its number", () => {
  for (const line of ["a.wav one", "\tone", "a.wav\tone\ttwo", " "]) {
    const message = `parseTranscripts: line 3 must be PATH, a tab, TRANSCRIPT, got ${JSON.stringify(line)}`;
    throws(() => parseTranscripts(`a.wav\tone\n\n${line}\n`), RangeError, message);
  }
  const long = `parseTranscripts: line 1 must be PATH, a tab, TRANSCRIPT, got "${"a".repeat(200)}..."`;
  throws(() => parseTranscripts("a".repeat(1e6)), RangeError, long);
});

const folder = dataFiles("transcripts", "fsdd/recordings");
(folder ? test : test.skip)("all 3,000 names of the Free Spoken Digit Dataset are read: 10 digits, 50 takes", () => {
  const read = readdirSync(folder![0]!).map(parseDigitName);
  assert.is(read.length, 3000);
  for (let digit = 0; digit < 10; digit++) assert.is(read.filter((name) => name.digit === digit).length, 300);
  for (let take = 0; take < 50; take++) assert.is(read.filter((name) => name.take === take).length, 60);
});

test.run();
