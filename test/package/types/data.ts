/** The same for what laser-attention/models reads: text, images, speech. */
import type { CharacterTokenizer, Cifar10, Features, Tokenizer, Wav } from "laser-attention/models";
import {
  byteTokenizer,
  CIFAR10_CLASSES,
  characterTokenizer,
  LOG_MEL_RATE,
  logMel,
  MELS,
  planesOf,
  readCifar10,
  readWav,
  resample,
} from "laser-attention/models";

const characters: CharacterTokenizer = characterTokenizer("to be");
const tokens: Tokenizer[] = [characters, byteTokenizer()];
const spelled: string[] = tokens.map((one) => one.decode(one.encode("be")));
const pictures: Cifar10 = readCifar10(new Uint8Array(3073));
const planes: Uint8Array = planesOf(new Uint8ClampedArray(4 * 1024));
const streamed: string = byteTokenizer().stream()(97);
const pictured: string | undefined = CIFAR10_CLASSES[pictures.labels[0] ?? 0];
const hear = (bytes: ArrayBuffer): Features => {
  const wav: Wav = readWav(bytes);
  return logMel(resample(wav.samples, wav.rate, LOG_MEL_RATE));
};
const bands: number = MELS;

export const read = [spelled, planes, streamed, pictured, hear, bands];
