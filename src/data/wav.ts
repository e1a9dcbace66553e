/** Recordings: RIFF/WAVE files with samples that are integers of 8, 16, 24 or 32 bits, or floats of 32 or 64. */
import { bytesOf } from "../check-number.js";

/**
 * What {@link readWav} gives.
 *
 * @example const silence: Wav = { rate: 8000, samples: new Float32Array(8000) };
 */
export interface Wav {
  /** Samples a second. */
  rate: number;
  /** One channel: integers are divided by 2^(bits - 1), which gives -1 to 1, floats are as they are, two channels are averaged. */
  samples: Float32Array;
}

const WHERE = "readWav";

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;

/** The sizes from here on that reach beyond the file are those of programs that did not know: 2^32 - 1 of ffmpeg, 2^31 - 2^12 of sox. */
const UNKNOWN = 2 ** 31 - 2 ** 12;

/** Names for what is refused. */
const CODECS: Readonly<Record<number, string>> = {
  2: "Microsoft ADPCM",
  6: "A-law",
  7: "mu-law",
  17: "IMA ADPCM",
  49: "GSM 6.10",
  85: "MP3",
};

/** What the rest of the GUID must be that an extensible format has behind its codec. */
const SUBFORMAT = [0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113];

interface Format {
  codec: number;
  channels: number;
  rate: number;
  bits: number;
  /** Bytes of a frame: one sample of each channel. */
  frame: number;
}

/**
 * Reads a whole file with one or two channels. Where the size of the samples is 2^31 - 2^12 or more and beyond the file, or 0 and that of the
 * file ends before them, as programs leave it that write to a pipe or are ended, they go on to the end. Part of a frame at the end is left out.
 *
 * @example
 * const { rate, samples } = readWav(await (await fetch("/7_lucas_3.wav")).arrayBuffer());
 * const { frames, data } = logMel(resample(samples, rate, LOG_MEL_RATE));
 *
 * @throws RangeError for another format or codec, for a file that is cut off, and for samples that are not finite.
 */
export function readWav(bytes: Uint8Array | ArrayBuffer): Wav {
  const file = bytesOf(WHERE, "bytes", bytes);
  const first = [].slice.call(file, 0, 12) as number[]; // of a detached array, which refuses its own slice, none
  if (!/^RIFF.{4}WAVE/s.test(String.fromCharCode(...first))) {
    throw new RangeError(`${WHERE}: the file must begin with RIFF and WAVE, got ${opening(first)}`);
  }
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let format: Format | undefined;
  for (let at = 12; at + 8 <= file.length; ) {
    const id = name(view, at);
    const available = file.length - at - 8;
    const told = view.getUint32(at + 4, true);
    // Programs that write to a pipe can't know the size beforehand: the samples go on to the end, and a pipe that broke ends anywhere.
    // A recorder that was ended before it came back to the header leaves 0 there, and a file that ends with the header, or 0 too.
    const never = told === 0 && view.getUint32(4, true) <= at;
    const open = id === "data" && (never || (told >= UNKNOWN && told > available));
    const size = open ? available : told;
    if ((id === "fmt " || id === "data") && size > available) {
      throw new RangeError(
        `${WHERE}: the chunk "${id}" must have ${size} bytes, got ${available}: the file is cut off`,
      );
    }
    if (id === "fmt ") format = readFormat(view, at + 8, size);
    if (id === "data") {
      if (format === undefined) throw new RangeError(`${WHERE}: the file must have a chunk "fmt " before "data"`);
      return { rate: format.rate, samples: readSamples(view, at + 8, size, format) };
    }
    at += 8 + size + (size % 2); // chunks begin at even places
  }
  throw new RangeError(`${WHERE}: the file must have a chunk "data", got none in ${file.length} bytes`);
}

const name = (view: DataView, at: number): string =>
  String.fromCharCode(...[0, 1, 2, 3].map((n) => view.getUint8(at + n)));

/** Formats for what is refused, by how such a file begins, in Latin-1. */
const OTHERS: readonly [RegExp, string][] = [
  [/^fLaC/, "FLAC"],
  [/^OggS/, "Ogg"],
  [/^(ID3|\xff[\xe2-\xe7\xf2-\xf7\xfa-\xfd])/, "MP3"],
  [/^.{4}ftyp/s, "MP4 or M4A"],
  [/^.E\xdf\xa3/s, "WebM or Matroska"],
  [/^FORM.{4}AIF/s, "AIFF"],
  [/^(RF64|BW64|RIFX)/, "a WAVE of another kind"],
];

function opening(first: readonly number[]): string {
  const text = String.fromCharCode(...first);
  const other = OTHERS.find(([begins]) => begins.test(text))?.[1];
  if (other !== undefined) return `${other}: ffmpeg -i FILE -ac 1 -ar 8000 OUT.wav makes one that can be read`;
  return first.length === 0 ? "no bytes" : `bytes ${first.join(" ")}`;
}

function readFormat(view: DataView, at: number, size: number): Format {
  if (size < 16) throw new RangeError(`${WHERE}: the chunk "fmt " must have 16 bytes or more, got ${size}`);
  const format: Format = {
    codec: view.getUint16(at, true),
    channels: view.getUint16(at + 2, true),
    rate: view.getUint32(at + 4, true),
    frame: view.getUint16(at + 12, true),
    bits: view.getUint16(at + 14, true),
  };
  if (format.codec === EXTENSIBLE) {
    if (size < 40) throw new RangeError(`${WHERE}: an extensible chunk "fmt " must have 40 bytes, got ${size}`);
    // Where fewer bits than these are valid, they are the upper ones: the number is the same.
    const known = SUBFORMAT.every((byte, n) => view.getUint8(at + 26 + n) === byte);
    format.codec = known ? view.getUint16(at + 24, true) : EXTENSIBLE;
  }
  const { codec, channels, rate, bits, frame } = format;
  if (codec !== PCM && codec !== FLOAT) {
    throw new RangeError(`${WHERE}: the codec must be PCM (1) or float (3), got ${CODECS[codec] ?? "one"} (${codec})`);
  }
  if (channels !== 1 && channels !== 2) {
    throw new RangeError(`${WHERE}: the file must have 1 or 2 channels, got ${channels}`);
  }
  if (rate === 0) throw new RangeError(`${WHERE}: the file must have a sample rate of 1 or more, got 0`);
  if (!(codec === FLOAT ? [32, 64] : [8, 16, 24, 32]).includes(bits)) {
    const expected = codec === FLOAT ? "32 or 64 bits" : "8, 16, 24 or 32 bits";
    throw new RangeError(`${WHERE}: a sample must have ${expected}, got ${bits}`);
  }
  if (frame !== (channels * bits) / 8) {
    throw new RangeError(`${WHERE}: ${channels} x ${bits} bits must take ${(channels * bits) / 8} bytes, got ${frame}`);
  }
  return format;
}

function readSamples(view: DataView, at: number, size: number, { codec, channels, bits, frame }: Format): Float32Array {
  const read = (codec === FLOAT ? floats : integers)[bits]!(view);
  const samples = new Float32Array(Math.floor(size / frame)); // what is left of a frame is none
  for (let n = 0; n < samples.length; n++) {
    const place = at + n * frame;
    samples[n] = channels === 1 ? read(place) : (read(place) + read(place + frame / 2)) / 2;
    const sample = samples[n]!; // as a float32
    if (!Number.isFinite(sample)) throw new RangeError(`${WHERE}: every sample must be finite, got ${sample} at ${n}`);
  }
  return samples;
}

type Readers = Readonly<Record<number, (view: DataView) => (at: number) => number>>;

const floats: Readers = {
  32: (view) => (at) => view.getFloat32(at, true),
  64: (view) => (at) => view.getFloat64(at, true),
};

/** Readers of a sample as a number between -1 and 1, by its bits. 8 bits have no sign, and 128 is silence. */
const integers: Readers = {
  8: (view) => (at) => (view.getUint8(at) - 128) / 2 ** 7,
  16: (view) => (at) => view.getInt16(at, true) / 2 ** 15,
  24: (view) => (at) => (view.getUint8(at) + view.getInt16(at + 1, true) * 2 ** 8) / 2 ** 23,
  32: (view) => (at) => view.getInt32(at, true) / 2 ** 31,
};
