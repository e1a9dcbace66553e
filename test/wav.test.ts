import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readWav } from "../src/data/wav.js";
import { dataFiles } from "./support/data.js";
import { throws } from "./support/throws.js";
import { chunk, formatChunk, little, riff, wav } from "./support/wav.js";

const read = (bytes: Uint8Array): number[] => [...readWav(bytes).samples];
const refused = (bytes: Uint8Array, message: string): void => throws(() => readWav(bytes), RangeError, message);

test("integers of 8, 16, 24 and 32 bits fill -1 to 1; floats of 32 and 64 bits come as they are", () => {
  assert.equal(read(wav({ bits: 8 }, [0, 128, 129, 255])), [-1, 0, 1 / 128, 127 / 128]);
  assert.equal(read(wav({ bits: 16 }, [-32768, 0, 1, 32767])), [-1, 0, 2 ** -15, 32767 / 32768]);
  assert.equal(read(wav({ bits: 24 }, [-(2 ** 23), -1, 1, 258, 2 ** 23 - 1])), [
    -1,
    -(2 ** -23),
    2 ** -23,
    258 / 2 ** 23,
    1 - 2 ** -23,
  ]);
  assert.equal(read(wav({ bits: 32 }, [-(2 ** 31), -1, 1, 2 ** 30])), [-1, -(2 ** -31), 2 ** -31, 0.5]);
  for (const bits of [32, 64]) {
    assert.equal(read(wav({ codec: 3, bits }, [-1.5, 0, 2 ** -100])), [-1.5, 0, 2 ** -100]);
    assert.equal(read(wav({ codec: 3, bits, channels: 2 }, [1, 3, 0, 0])), [2, 0]);
  }
  assert.is(readWav(wav({ rate: 44100 }, [0])).rate, 44100);
});

test("two channels are averaged", () => {
  assert.equal(read(wav({ channels: 2, bits: 16 }, [-32768, 32767, 2, 4])), [-1 / 65536, 3 / 32768]);
  assert.equal(read(wav({ channels: 2, bits: 8 }, [128, 192])), [0.25]);
});

test("other chunks, of odd size too, an extensible format, no samples, and bytes behind the data are taken", () => {
  const list = chunk("LIST", [1, 2, 3]);
  const data = chunk("data", little(16384, 2));
  assert.equal(read(riff(list, formatChunk({}), list, data, list)), [0.5]);
  const rest = [0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113];
  const more = (bits: number, codec: number) => [
    ...little(22, 2),
    ...little(bits, 2),
    ...little(4, 4),
    ...little(codec, 2),
    ...rest,
  ];
  assert.equal(read(riff(formatChunk({ codec: 0xfffe, more: more(16, 1) }), data)), [0.5]);
  assert.equal(read(riff(formatChunk({ more: [0, 0] }), data)), [0.5]);
  assert.equal(read(riff(formatChunk({}), chunk("data", []))), []);
  for (const size of [0xffffffff, 0x7ffff000]) {
    assert.equal(read(riff(formatChunk({}), chunk("data", little(16384, 2), size))), [0.5], "written to a pipe");
    assert.equal(
      read(riff(formatChunk({}), chunk("data", [...little(16384, 2), 7], size)).slice(0, -1)),
      [0.5],
      "that broke",
    );
  }
  assert.equal(read(riff(formatChunk({}), chunk("data", [...little(16384, 2), 7]))), [0.5], "half a frame at the end");
  const never = riff(formatChunk({}), chunk("data", little(16384, 2), 0)); // a recorder that was killed, or an empty one
  assert.equal(read(never), []);
  assert.equal(read(Uint8Array.from(never).fill(0, 4, 8)), [0.5]);
  const cut = more(16, 1).slice(0, 8);
  refused(riff(formatChunk({ codec: 0xfffe, more: cut }), data), "must have 40 bytes, got 24");
  const upper = riff(formatChunk({ codec: 0xfffe, more: more(12, 1) }), data); // 12 valid bits are the upper ones
  assert.equal(read(upper), [0.5]);
  const law = riff(formatChunk({ codec: 0xfffe, more: more(16, 7) }), data);
  refused(law, "must be PCM (1) or float (3), got mu-law (7)");
  const foreign = riff(formatChunk({ codec: 0xfffe, more: [...more(16, 1).slice(0, -1), 0] }), data);
  refused(foreign, "got one (65534)");
});

test("what is no such file, or is cut off, is refused with words", () => {
  const good = wav({}, [1, 2, 3]);
  const data = chunk("data", [0, 0]);
  refused(new Uint8Array(0), "readWav: the file must begin with RIFF and WAVE, got no bytes");
  refused(Uint8Array.from([79, 103, 103, 84]), "got bytes 79 103 103 84");
  const others = {
    ...{
      FLAC: "fLaC",
      Ogg: "OggS",
      "MP4 or M4A": "\0\0\0 ftypM4A ",
      "WebM or Matroska": "\x1aE\xdf\xa3",
      AIFF: "FORM\n\n\n\nAIFC",
    },
    ...{ "a WAVE of another kind": "RF64\xff\xff\xff\xffWAVE" },
  };
  for (const [kind, bytes] of [...Object.entries(others), ["MP3", "ID3"], ["MP3", "\xff\xfb\x90"]] as const) {
    const file = Uint8Array.from(bytes, (character) => character.charCodeAt(0));
    refused(file, `must begin with RIFF and WAVE, got ${kind}: ffmpeg -i FILE`);
  }
  refused(Uint8Array.from(good).fill(0, 8, 12), "must begin with RIFF and WAVE");
  refused(good.subarray(0, good.length - 1), 'chunk "data" must have 6 bytes, got 5: the file is cut off');
  refused(good.subarray(0, 30), 'the chunk "fmt " must have 16 bytes, got 10: the file is cut off');
  refused(good.subarray(0, 36), 'must have a chunk "data", got none in 36 bytes');
  refused(riff(data), 'the file must have a chunk "fmt " before "data"');
  refused(riff(chunk("fmt ", [1, 0]), data), 'chunk "fmt " must have 16 bytes or more, got 2');
  throws(() => readWav("x" as never), TypeError, "readWav: bytes must be a Uint8Array or an ArrayBuffer, got");
});

test("other codecs, channels, sizes and rates are refused with words", () => {
  const of = (format: object) => riff(formatChunk(format), chunk("data", new Array(24).fill(0)));
  refused(of({ codec: 2, bits: 4, frame: 1 }), "the codec must be PCM (1) or float (3), got Microsoft ADPCM (2)");
  refused(of({ codec: 6, bits: 8 }), "got A-law (6)");
  refused(of({ codec: 85 }), "got MP3 (85)");
  refused(of({ codec: 12345 }), "got one (12345)");
  refused(of({ channels: 0, frame: 0 }), "the file must have 1 or 2 channels, got 0");
  refused(of({ channels: 6 }), "the file must have 1 or 2 channels, got 6");
  refused(of({ rate: 0 }), "the file must have a sample rate of 1 or more, got 0");
  refused(of({ bits: 12, frame: 2 }), "a sample must have 8, 16, 24 or 32 bits, got 12");
  refused(of({ codec: 3, bits: 16 }), "a sample must have 32 or 64 bits, got 16");
  refused(of({ bits: 24, frame: 4 }), "1 x 24 bits must take 3 bytes, got 4");
  for (const bad of [Number.NaN, Number.NEGATIVE_INFINITY]) {
    refused(wav({ codec: 3, bits: 32 }, [0, bad]), `every sample must be finite, got ${bad} at 1`);
  }
  refused(wav({ codec: 3, bits: 64 }, [1e39]), "got Infinity at 0");
});

const folder = dataFiles("wav", "fsdd/recordings");
(folder ? test : test.skip)(
  "all recordings of the Free Spoken Digit Dataset are read at 8 kHz, as many samples as their bytes hold",
  () => {
    for (const name of readdirSync(folder![0]!)) {
      const bytes = readFileSync(join(folder![0]!, name));
      const { rate, samples } = readWav(bytes);
      assert.is(rate, 8000, name);
      assert.ok(samples.length >= 1000 && 44 + 2 * samples.length <= bytes.length, name);
      assert.is(samples[7], bytes.readInt16LE(bytes.indexOf("data") + 8 + 14) / 32768, name);
    }
  },
);

test.run();
