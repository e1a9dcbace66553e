/** What the commands read: which part is held out, and what tells data of a run from others. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { digestOf, readData, readFrom } from "../src/cli/data.js";
import { UserError } from "../src/cli/files.js";
import type { Data, Images, Speech } from "../src/train/index.js";
import { replacing } from "./support/host.js";
import { wav } from "./support/wav.js";

const folder = mkdtempSync(join(tmpdir(), "laser-attention-"));
const at = (...path: string[]) => join(folder, ...path);
const samples = Array.from({ length: 400 }, (_, n) => 100 * (n % 7));
mkdirSync(at("digits/recordings"), { recursive: true });

test("of digits takes 0 to 4 are held out, of a list every tenth that says something, with paths from the list on", async () => {
  for (const name of ["7_x_4", "3_x_5"])
    writeFileSync(at(`digits/recordings/${name}.wav`), wav({ rate: 8000 }, samples));
  writeFileSync(at("digits/recordings/._7_x_4.wav"), "what macOS leaves beside a file");
  const digits = readData("conformer", at("digits")) as Speech;
  assert.equal(
    [digits.test, digits.train].map(([one]) => one!.labels),
    [[8], [4]],
  );
  assert.ok(digits.join && digits.separator === " ");
  writeFileSync(at("digits/fast.wav"), wav({ rate: 16000 }, samples));
  const lines = Array.from({ length: 12 }, (_, n) => `${n < 11 ? "recordings/7_x_4" : "fast"}.wav\t${"ab"[n % 2]}`);
  writeFileSync(at("digits/list.tsv"), ["recordings/3_x_5.wav\t ", ...lines].join("\n"));
  let said = "";
  const write = (text: string) => {
    said += text;
  };
  const list = await replacing(process.stderr, { write }, () => readData("conformer", at("digits/list.tsv")));
  assert.match(said, /^laser-attention: .*list\.tsv: of 13 recordings 1 have no transcript and are left out\n$/);
  const { train, test: held, symbols, join: joined } = list as Speech;
  assert.equal(symbols, ["a", "b"]);
  assert.equal(
    held.map(({ labels }) => labels),
    [[1], [1]],
  );
  assert.equal(
    train.flatMap(({ labels }) => labels),
    [2, 1, 2, 1, 2, 1, 2, 1, 2, 2],
  );
  assert.is(joined, false);
  assert.equal(
    [train[0]!, train.at(-1)!].map((one) => one.samples.length),
    [400, 200],
  ); // at 8 kHz
});

test("images of test*.bin are held out: none of them is trained on", () => {
  mkdirSync(at("images"));
  for (const [name, labels] of [
    ["a", [1, 2]],
    ["test", [3, 4, 5]],
  ] as const)
    writeFileSync(
      at(`images/${name}.bin`),
      Uint8Array.from(labels.flatMap((label) => [label, ...new Uint8Array(3072)])),
    );
  const { train, test: held } = readData("vit", at("images")) as Images;
  assert.equal(
    [[...train.labels], [...held.labels]],
    [
      [1, 2],
      [3, 4, 5],
    ],
  );
});

test("lines of a text end with LF, whichever way the file has them: the model and the digest are the same", () => {
  writeFileSync(at("unix.txt"), "a\nb\r\n\n");
  writeFileSync(at("windows.txt"), "a\r\nb\r\n\r\n");
  const [one, two] = ["unix.txt", "windows.txt"].map((name) => readData("lm", at(name)));
  assert.is(one, "a\nb\n\n");
  assert.is(two, one);
});

const message = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof UserError, `${error}`);
    return error.message;
  }
  return "none";
};

test("on Windows a file that others made may not name a path of another machine, which would hear who asks", async () => {
  const named = ["\\\\host\\share\\x.wav", "//host/share/x.wav"];
  await replacing(process, { platform: "win32" }, () => {
    for (const path of named) {
      writeFileSync(at("far.tsv"), `digits/recordings/7_x_4.wav\ta\n${path}\tb\n`);
      const refused = `${path} must be a path of this machine, got one of another: name it yourself`;
      assert.is(
        message(() => readData("conformer", at("far.tsv"))),
        refused,
      );
      const run = message(() => readFrom(undefined, path, () => assert.unreachable()));
      assert.ok(run.startsWith(`${refused}. The path is that of the run`), run);
      assert.is(
        readFrom(path, "", (given) => given),
        path,
      );
    }
  });
});

const onUnix = process.platform === "win32" ? test.skip : test;
onUnix("a device or a pipe is read where the user names it, not where a file does: it may never end", () => {
  const read = (given?: string) => message(() => readFrom(given, "/dev/null", (path) => readData("lm", path)));
  assert.match(read("/dev/null"), /^\/dev\/null is empty/);
  const refused = "/dev/null must be a file, got a device or a pipe";
  assert.is(read(), `${refused}. The path is that of the run, from where it was started: --data says where it is now`);
  writeFileSync(at("pipes.tsv"), "digits/recordings/7_x_4.wav\ta\n/dev/null\tb\n");
  assert.is(
    message(() => readData("conformer", at("pipes.tsv"))),
    refused,
  );
});

test("a digest tells texts, pixels, labels of images, samples and what is said", () => {
  const images = (pixel: number, label: number): Images => {
    const one = { count: 1, labels: Uint8Array.of(label), pixels: new Uint8Array(3072).fill(pixel) };
    return { train: one, test: { ...one, labels: Uint8Array.of(0) } };
  };
  const speech = (sample: number, ...labels: number[]): Speech => {
    const one = { samples: Float32Array.of(sample), labels };
    return { train: [one], test: [], symbols: ["a"], separator: "", join: false };
  };
  const all: Data[] = ["a", "b", images(1, 2), images(1, 3), images(2, 2), speech(1, 1), speech(2, 1), speech(1, 2)];
  assert.is(new Set(all.map(digestOf)).size, all.length);
  assert.is(digestOf("a"), "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb");
});

test.after(() => rmSync(folder, { recursive: true, force: true }));
test.run();
