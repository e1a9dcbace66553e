/** Text as token ids, and windows of them as batches. */
import { show } from "../check.js";
import { integer, list, string } from "../check-number.js";
import { host } from "../host.js";
import type { Random } from "./random.js";

/**
 * A mapping between text and token ids, both ways.
 *
 * @example const tokenizer: Tokenizer = byteTokenizer();
 */
export interface Tokenizer {
  /** How many ids there are: 0 to size - 1. */
  readonly size: number;
  /**
   * The id of every token of the text.
   * @throws RangeError for a character without an id
   *
   * @example const ids = byteTokenizer().encode("to be");
   */
  encode(text: string): Int32Array;
  /**
   * The text of the ids.
   * @throws RangeError for an id that is none
   *
   * @example byteTokenizer().decode([116, 111]); // "to"
   */
  decode(ids: ArrayLike<number>): string;
  /**
   * Text as it comes, id by id: a function that returns what an id adds. Of a character whose bytes are not all there yet that is ""; called
   * without an id, it returns what is left of one.
   * @throws RangeError for an id that is none
   *
   * @example
   * const write = byteTokenizer().stream();
   * write(195) + write(169) + write(); // "é"
   */
  stream(): (id?: number) => string;
}

/**
 * A {@link Tokenizer} with a token for every character.
 *
 * @example const again: CharacterTokenizer = characterTokenizer(characterTokenizer("hello").vocabulary);
 */
export interface CharacterTokenizer extends Tokenizer {
  /** The characters in the order of their ids. `characterTokenizer(vocabulary)` makes the same tokenizer again. */
  readonly vocabulary: string;
}

/**
 * A token for every character (code point) that `text` has, in the order of code points. `encode` refuses every other
 * character and says where it stands.
 * @throws RangeError for a text without a character, or with half a surrogate pair
 *
 * @example
 * const tokenizer = characterTokenizer("hello");
 * tokenizer.vocabulary; // "ehlo"
 * tokenizer.encode("hole"); // Int32Array [1, 3, 2, 0]
 */
export function characterTokenizer(text: string): CharacterTokenizer {
  string("characterTokenizer", "text", text);
  if (/\p{Surrogate}/u.test(text)) {
    throw new RangeError("characterTokenizer: text must have whole characters, got half a surrogate pair");
  }
  const found = new Set<string>();
  for (const character of text) found.add(character); // an array of all may be longer than arrays can be
  const points = Array.from(found, (character) => character.codePointAt(0)!).sort((a, b) => a - b);
  if (points.length === 0) throw new RangeError('characterTokenizer: text must have a character, got ""');
  const characters = points.map((point) => String.fromCodePoint(point));
  const ids = new Map(characters.map((character, id) => [character, id]));
  return {
    size: characters.length,
    vocabulary: characters.join(""),
    encode(text) {
      string("encode", "text", text);
      const encoded = new Int32Array(text.length); // one more than needed for every surrogate pair
      let count = 0;
      let position = 0;
      for (const character of text) {
        const id = ids.get(character);
        if (id === undefined) {
          const other = [...new Set(text)].filter((one) => one !== character && !ids.has(one));
          const more = other.length > 0 ? `, and ${other.length} more: ${show(other.join(""))}` : "";
          throw new RangeError(
            `encode: text must have characters of the vocabulary only, got ${named(character)} at position ${position}${more}`,
          );
        }
        encoded[count++] = id;
        position += character.length;
      }
      return encoded.slice(0, count);
    },
    decode: (ids) => Array.from(checkIds(ids, characters.length), (id) => characters[id]!).join(""),
    stream: () => (id) => (id === undefined ? "" : characters[checkId("stream", "id", id, characters.length)]!),
  };
}

/** With its code point where it can't be seen by itself: marks, blanks, what is invisible. */
function named(character: string): string {
  const point = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(character) ? show(character) : `${show(character)} (U+${point})`;
}

/**
 * 256 tokens, the bytes of UTF-8: any text can be encoded, no vocabulary has to be kept. `encode` puts U+FFFD in place of half a
 * surrogate pair, `decode` where the bytes are no UTF-8, as the output of a model may be.
 *
 * @example byteTokenizer().encode("é"); // Int32Array [195, 169]
 */
export function byteTokenizer(): Tokenizer {
  return {
    size: 256,
    encode(text) {
      string("encode", "text", text);
      return Int32Array.from(new host.TextEncoder().encode(text));
    },
    decode: (ids) =>
      new host.TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(checkIds(ids, 256) as number[])),
    stream() {
      const decoder = new host.TextDecoder("utf-8", { ignoreBOM: true });
      return (id) => {
        if (id === undefined) return decoder.decode();
        return decoder.decode(Uint8Array.of(checkId("stream", "id", id, 256)), { stream: true });
      };
    },
  };
}

function checkIds(ids: ArrayLike<number>, size: number): ArrayLike<number> {
  list("decode", "ids", ids);
  for (let n = 0; n < ids.length; n++) checkId("decode", `ids[${n}]`, ids[n], size);
  return ids;
}

function checkId(where: string, name: string, id: unknown, size: number): number {
  integer(where, name, id, 0, size - 1);
  return id;
}

/** A batch of {@link windowBatch}: both arrays are [batch, context], row-major. */
export interface WindowBatch {
  inputs: Int32Array;
  /** The token after each input: `inputs` one position later. */
  targets: Int32Array;
}

/**
 * `batch` windows of context + 1 tokens from anywhere in `ids`, every place as likely as the others.
 *
 * @example
 * const random = new Random(1);
 * const { inputs, targets } = windowBatch(train, 16, 128, random);
 */
export function windowBatch(ids: Int32Array, batch: number, context: number, random: Random): WindowBatch {
  const inputs = new Int32Array(batch * context);
  const targets = new Int32Array(batch * context);
  for (let row = 0; row < batch; row++) {
    const first = random.int(ids.length - context);
    inputs.set(ids.subarray(first, first + context), row * context);
    targets.set(ids.subarray(first + 1, first + 1 + context), row * context);
  }
  return { inputs, targets };
}
