/** Small data made for the tests of training: a text with a rule, images of one colour, tones. */
import { mkdirSync, writeFileSync } from "node:fs";
import { Random } from "../../src/data/random.js";
import { wav } from "./wav.js";

/** Words over and over. */
export const TEXT = "the cat sat on the mat and the dog sat on the log. ".repeat(60);

/** A CIFAR-10 file: the colour tells the class. */
export function cifarBytes(count: number, seed: number): Uint8Array {
  const random = new Random(seed);
  const bytes = new Uint8Array(count * 3073);
  for (let n = 0; n < count; n++) {
    const label = n % 3;
    bytes[n * 3073] = label;
    for (let p = 0; p < 3072; p++) {
      bytes[n * 3073 + 1 + p] = (Math.floor(p / 1024) === label ? 180 : 40) + random.int(40);
    }
  }
  return bytes;
}

/** A fifth of a second at 8 kHz: the pitch tells the digit. */
export function tone(digit: number, seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from(
    { length: 1600 },
    (_, n) => 0.5 * Math.sin((2 * Math.PI * (300 + 500 * digit) * n) / 8000) + 0.01 * random.normal(),
  );
}

/** The same as a wav file of 16 bits. */
export const wavBytes = (samples: Float32Array): Uint8Array =>
  wav(
    {},
    Array.from(samples, (x) => Math.round(32767 * x)),
  );

/** A text, a folder of images, digits and a list of transcripts, for the command: text.txt, images, speech, list.tsv. */
export function writeData(at: (path: string) => string): void {
  writeFileSync(at("text.txt"), TEXT);
  for (const name of ["images", "speech"]) mkdirSync(at(name));
  writeFileSync(at("images/train_1.bin"), cifarBytes(12, 1));
  writeFileSync(at("images/test.bin"), cifarBytes(6, 2));
  for (const take of [0, 5]) {
    for (const digit of [0, 1, 2]) writeFileSync(at(`speech/${digit}_x_${take}.wav`), wavBytes(tone(digit, take)));
  }
  writeFileSync(at("list.tsv"), "speech/0_x_0.wav\tzero\nspeech/1_x_0.wav\tone\nspeech/2_x_5.wav\ttwo\n");
}
