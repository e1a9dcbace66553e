import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { augmentImage, CIFAR10_CLASSES, type Cifar10, cifar10Batch, readCifar10 } from "../src/data/cifar10.js";
import { Random } from "../src/data/random.js";
import { readSafetensors } from "../src/nn/safetensors.js";
import { dataFiles, trainingFiles } from "./support/data.js";
import { throws } from "./support/throws.js";

const PIXELS = 3072;

/** A record for each label, every pixel by a rule. */
const records = (labels: readonly number[], pixel: (n: number) => number = () => 0): Uint8Array =>
  Uint8Array.from(labels.flatMap((label) => [label, ...Array.from({ length: PIXELS }, (_, n) => pixel(n))]));

test("records become labels and pixels, over several files", () => {
  const second = records([9], (n) => n % 7).buffer as ArrayBuffer;
  const set = readCifar10(
    records([3, 4], (n) => n % 251),
    second,
  );
  assert.is(set.count, 3);
  assert.equal([...set.labels], [3, 4, 9]);
  assert.is(set.pixels.length, 3 * PIXELS);
  for (const n of [0, 1, 1000, 3071]) {
    assert.is(set.pixels[n], n % 251);
    assert.is(set.pixels[PIXELS + n], n % 251);
    assert.is(set.pixels[2 * PIXELS + n], n % 7);
  }
  assert.is(CIFAR10_CLASSES.length, 10);
});

test("patches go row by row over the image, their elements by channel, row, column, scaled to [-1, 1]", () => {
  const set = readCifar10(records([0, 1], (n) => (n * 7 + Math.floor(n / 256)) % 256));
  for (const patch of [1, 4, 8, 32]) {
    const { patches, labels } = cifar10Batch(set, [1, 0], patch);
    assert.equal([...labels], [1, 0]);
    const side = 32 / patch;
    let n = PIXELS; // the second image of the batch, the first one of the set
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        for (let channel = 0; channel < 3; channel++) {
          for (let y = 0; y < patch; y++) {
            for (let x = 0; x < patch; x++) {
              const pixel = set.pixels[channel * 1024 + (row * patch + y) * 32 + column * patch + x]!;
              assert.is(patches[n++], Math.fround(pixel / 127.5 - 1));
            }
          }
        }
      }
    }
  }
  const extremes: Cifar10 = { count: 1, labels: Uint8Array.of(0), pixels: new Uint8Array(PIXELS).fill(255, 1) };
  assert.equal([...cifar10Batch(extremes, [0], 32).patches.subarray(0, 2)], [-1, 1]);
});

test("augmentation mirrors and shifts by up to 4 pixels with black edges, each of the 162 ways about as often", () => {
  const random = new Random(3);
  const image = Uint8Array.from({ length: PIXELS }, () => 1 + (random.bits() % 255));
  const ways = new Map<string, number>();
  const count = 4000;
  for (let n = 0; n < count; n++) {
    const out = augmentImage(image, random);
    // The way is found from one row of the middle, then the whole image is held to it.
    const found = [];
    for (const mirror of [false, true]) {
      for (let down = -4; down <= 4; down++) {
        for (let right = -4; right <= 4; right++) {
          const at = (c: number, y: number, x: number): number => {
            const [fromY, fromX] = [y - down, x - right];
            if (fromY < 0 || fromY > 31 || fromX < 0 || fromX > 31) return 0;
            return image[c * 1024 + fromY * 32 + (mirror ? 31 - fromX : fromX)]!;
          };
          if ([10, 11, 12].every((x) => out[16 * 32 + x] === at(0, 16, x))) found.push({ mirror, down, right, at });
        }
      }
    }
    assert.is(found.length, 1);
    const { mirror, down, right, at } = found[0]!;
    const way = `${mirror} ${down} ${right}`;
    if (!ways.has(way)) {
      for (let k = 0; k < PIXELS; k++) assert.is(out[k], at(k >> 10, (k >> 5) & 31, k & 31), `${way}: pixel ${k}`);
    }
    ways.set(way, (ways.get(way) ?? 0) + 1);
  }
  assert.is(ways.size, 162);
  for (const [way, times] of ways) assert.ok(times < 4 * (count / 162), `${way} ${times} times`);
});

test("a batch with a generator is augmented image by image, the same for the same seed", () => {
  const set = readCifar10(records([0, 1], (n) => 1 + (n % 255)));
  const plain = cifar10Batch(set, [0, 1], 4);
  const one = cifar10Batch(set, [0, 1], 4, new Random(1));
  assert.equal(cifar10Batch(set, [0, 1], 4, new Random(1)).patches, one.patches);
  assert.not.equal(one.patches, plain.patches);
  assert.not.equal(one.patches.subarray(0, PIXELS), one.patches.subarray(PIXELS));
  const augmented = augmentImage(set.pixels.subarray(0, PIXELS), new Random(1));
  const alone = cifar10Batch({ count: 1, labels: Uint8Array.of(0), pixels: augmented }, [0], 4);
  assert.equal(one.patches.subarray(0, PIXELS), alone.patches);
});

const files = dataFiles("cifar10", "cifar10/train_1.bin", "cifar10/train_2.bin", "cifar10/test.bin");
const run = trainingFiles("cifar10", "vit.laser");
(files ? test : test.skip)("the real files have 8,000 and 2,000 images of ten classes, about as many of each", () => {
  const [first, second, rest] = files!.map((path) => readFileSync(path)) as [Buffer, Buffer, Buffer];
  for (const [set, count] of [
    [readCifar10(first, second), 8000],
    [readCifar10(rest), 2000],
  ] as const) {
    assert.is(set.count, count);
    const counts = new Array<number>(10).fill(0);
    for (const label of set.labels) counts[label]!++;
    for (const each of counts) assert.ok(each > count / 15 && each < count / 7, `${counts}`);
  }
});

(files && run ? test : test.skip)("the golden ViT's images are images of the first file, with their labels", () => {
  const set = readCifar10(readFileSync(files![0]!));
  const { tensors } = readSafetensors(readFileSync(run![0]!));
  const images = tensors.get("data.images")!.data as Uint8Array;
  const labels = tensors.get("data.labels")!.data as Uint8Array;
  const known = new Map<string, number>();
  const text = (pixels: Uint8Array): string => Buffer.from(pixels).toString("latin1");
  for (let n = 0; n < set.count; n++)
    known.set(text(set.pixels.subarray(n * PIXELS, (n + 1) * PIXELS)), set.labels[n]!);
  for (let n = 0; n < labels.length; n++) {
    assert.is(known.get(text(images.subarray(n * PIXELS, (n + 1) * PIXELS))), labels[n], `image ${n}`);
  }
});

test("wrong files and labels are refused with words", () => {
  const size = "must be a number of records of 3073 bytes, a label and 3 x 32 x 32 pixels each";
  throws(() => readCifar10(new Uint8Array(3072)), RangeError, `readCifar10: file 0 ${size}, got 3072 bytes`);
  const empty = new Uint8Array(0);
  throws(() => readCifar10(records([0]), empty), RangeError, `file 1 ${size}, got 0 bytes`);
  const label = "label 1 of file 0 must be an integer from 0 to 9, got 10";
  throws(() => readCifar10(records([0, 10])), RangeError, label);
  throws(() => readCifar10("x" as never), TypeError, "readCifar10: file 0 must be a Uint8Array or an ArrayBuffer, got");
});

test.run();
