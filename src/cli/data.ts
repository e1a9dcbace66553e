/** Training data by path, with a word on where to get it. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { readCifar10 } from "../data/cifar10.js";
import { LOG_MEL_RATE } from "../data/log-mel.js";
import { resample } from "../data/resample.js";
import { parseDigitName, parseTranscripts } from "../data/transcripts.js";
import { readWav } from "../data/wav.js";
import type { Data, FamilyName, Images, Recording, Speech } from "../train/index.js";
import { checkEnds, isOfUser, note, readBytes, UserError, withLf } from "./files.js";

const TEXT =
  "Any plain text will do; Tiny Shakespeare is data/tinyshakespeare/input.txt of github.com/karpathy/char-rnn";
const CIFAR =
  "CIFAR-10, binary version, is at www.cs.toronto.edu/~kriz/cifar.html; unpack it and give its folder (*.bin, test*.bin for the test)";
const SPEECH =
  "Give the folder of the Free Spoken Digit Dataset (github.com/Jakobovski/free-spoken-digit-dataset), or a list with a line PATH, tab, TRANSCRIPT for each wav file";

/** Takes of a speaker that are held out, in the Free Spoken Digit Dataset's usual split. */
const HELD_TAKES = 5;
const DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/** Of a string in V8, but for a few. */
const MOST_CHARACTERS = 2 ** 29;

const isFolder = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();

/** Reads data by the path that is given, or by that of the run, relative to where that was started: so it says when it can't be read. */
export function readFrom<R>(given: string | undefined, run: string, read: (path: string) => R): R {
  try {
    return read(given ?? checkEnds(run));
  } catch (error) {
    if (given !== undefined || !(error instanceof UserError)) throw error;
    throw new UserError(
      `${error.message}. The path is that of the run, from where it was started: --data says where it is now`,
    );
  }
}

/** SHA-256 of data as it is read: a run goes on with the same only. */
export function digestOf(data: Data): string {
  const hash = createHash("sha256");
  if (typeof data === "string") hash.update(data);
  else if ("symbols" in data) {
    for (const { samples, labels } of [...data.train, ...data.test]) {
      hash.update(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)).update(`${labels};`);
    }
  } else for (const { pixels, labels } of [data.train, data.test]) hash.update(pixels).update(labels);
  return hash.digest("hex");
}

export function readData(family: FamilyName, path: string): Data {
  if (family === "vit") return readImages(path);
  if (family === "conformer") return readSpeech(path);
  return readText(path);
}

function readUtf8(path: string, hint: string): string {
  const bytes = readBytes(path, hint);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const reason = bytes.length < MOST_CHARACTERS ? "is not UTF-8" : `has too many bytes for one text, ${bytes.length}`;
    throw new UserError(`${path} ${reason}. ${hint}`);
  }
}

/** Lines end with LF, whichever way the file has them: a checkout on Windows trains the same model. */
export function readText(path: string): string {
  if (isFolder(path)) throw new UserError(`${path} is a folder. ${TEXT}`);
  const text = withLf(readUtf8(path, TEXT));
  if (text === "") throw new UserError(`${path} is empty. ${TEXT}`);
  return text;
}

/** The names in a folder, in one order everywhere; not those that begin with a dot, which macOS leaves beside files on some volumes. */
function namesOf(folder: string, ending: string, hint: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(ending) && !name.startsWith("."))
      .sort();
  } catch (error) {
    throw new UserError(`cannot read ${folder} as a folder (${(error as NodeJS.ErrnoException).code}). ${hint}`);
  }
}

/** Names the file in what a reader says of its contents. */
export function naming<R>(path: string, read: () => R): R {
  try {
    return read();
  } catch (error) {
    if (error instanceof UserError || !isOfUser(error)) throw error;
    throw new UserError(`${path}: ${error.message}`);
  }
}

function readImages(path: string): Images {
  const names = namesOf(path, ".bin", CIFAR);
  const read = (test: boolean) => {
    const files = names.filter((name) => name.startsWith("test") === test).map((name) => join(path, name));
    if (files.length === 0) throw new UserError(`${path} has no ${test ? "test*.bin" : "*.bin to train on"}. ${CIFAR}`);
    return naming(files.join(", "), () => readCifar10(...files.map((file) => readBytes(file))));
  };
  return { train: read(false), test: read(true) };
}

/** A recording at 8 kHz. */
export const readSamples = (file: string): Float32Array =>
  naming(file, () => {
    const { rate, samples } = readWav(readBytes(file));
    return rate === LOG_MEL_RATE ? samples : resample(samples, rate, LOG_MEL_RATE);
  });

const readSpeech = (path: string): Speech => (isFolder(path) ? readDigits(path) : readList(path));

function readDigits(path: string): Speech {
  const inner = join(path, "recordings");
  const folder = existsSync(inner) ? inner : path;
  const names = namesOf(folder, ".wav", SPEECH);
  const [train, test]: [Recording[], Recording[]] = [[], []];
  for (const name of names) {
    const { digit, take } = naming(folder, () => parseDigitName(name));
    const file = join(folder, name);
    const recording = { samples: readSamples(file), labels: [digit + 1], file };
    (take < HELD_TAKES ? test : train).push(recording);
  }
  if (train.length === 0 || test.length === 0) {
    throw new UserError(
      `${folder} has ${train.length} recordings to train on and ${test.length} held out (takes 0 to 4). ${SPEECH}`,
    );
  }
  return { train, test, symbols: DIGITS, separator: " ", join: true };
}

/** Characters are the symbols; every tenth recording is held out. */
function readList(path: string): Speech {
  const text = readUtf8(path, SPEECH);
  const lines = naming(path, () => parseTranscripts(text));
  const said = lines.filter(({ transcript }) => transcript.trim() !== "");
  if (said.length < 2) throw new UserError(`${path} must list two recordings with a transcript or more. ${SPEECH}`);
  if (said.length < lines.length)
    note(`${path}: of ${lines.length} recordings ${lines.length - said.length} have no transcript and are left out`);
  const symbols = [...new Set(said.flatMap(({ transcript }) => [...transcript]))].sort();
  const [train, test]: [Recording[], Recording[]] = [[], []];
  for (const [n, { path: name, transcript }] of said.entries()) {
    const labels = [...transcript].map((symbol) => symbols.indexOf(symbol) + 1);
    const file = checkEnds(resolve(dirname(path), name), name);
    (n % 10 === 0 ? test : train).push({ samples: readSamples(file), labels, file });
  }
  return { train, test, symbols, separator: "", join: false };
}
