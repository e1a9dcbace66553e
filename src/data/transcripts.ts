/** Which words a recording holds: by the names of the Free Spoken Digit Dataset, and by lists. */
import { show } from "../check.js";

/** What the name of a recording of the Free Spoken Digit Dataset says. */
export interface DigitRecording {
  digit: number;
  take: number;
}

/**
 * Reads a name like `7_lucas_3.wav`, with or without folders before it.
 *
 * @example parseDigitName("recordings/7_lucas_3.wav"); // { digit: 7, take: 3 }
 */
export function parseDigitName(path: string): DigitRecording {
  const parts = /(?:^|[/\\])(\d)_[^/\\_]+_(\d+)\.wav$/.exec(path);
  if (parts !== null) return { digit: Number(parts[1]), take: Number(parts[2]) };
  throw new RangeError(`parseDigitName: path must end with DIGIT_SPEAKER_TAKE.wav, got ${show(path)}`);
}

/** A line of a list of recordings. */
export interface Transcript {
  path: string;
  transcript: string;
}

/**
 * Reads a list with a line for every recording: its path, a tab, and what is said in it, which may be nothing. Lines end with
 * \n or \r\n; lines without any character are passed over.
 *
 * @example parseTranscripts("a.wav\tone two\n"); // [{ path: "a.wav", transcript: "one two" }]
 */
export function parseTranscripts(text: string): Transcript[] {
  const found: Transcript[] = [];
  for (const [n, line] of text
    .replace(/^\ufeff/, "")
    .split(/\r?\n/)
    .entries()) {
    if (line === "") continue;
    const fields = line.split("\t");
    if (fields.length !== 2 || fields[0] === "") {
      throw new RangeError(`parseTranscripts: line ${n + 1} must be PATH, a tab, TRANSCRIPT, got ${show(line)}`);
    }
    found.push({ path: fields[0]!, transcript: fields[1]! });
  }
  return found;
}
