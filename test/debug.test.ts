/** The debug build: what assembly/contract.ts and the asserts beside the kernels promise, and the bits of the release build. */
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { LaserAttention } from "../src/facade.js";
import { Field, PROBLEM_BYTES } from "../src/generated/problem.js";
import { assertSameBits } from "./support/bits.js";
import { describeCase, type Kind, randomCase } from "./support/cases.js";
import { plain } from "./support/engines.js";
import { loadKernels, loadNn } from "./support/kernels.js";
import { Random } from "./support/random.js";
import { run } from "./support/run.js";

const { exports: kernels, memory } = await loadKernels("debug");
const base = 2 ** 19; // inside the first MiB, behind the static data

/** `call` fails with `message`, and the error names the line of the source that holds it. */
function assertAborts(call: () => unknown, message: string): void {
  let text = "nothing";
  try {
    call();
  } catch (error) {
    text = (error as Error).message;
  }
  const [, where, line] = /^abort: .* at ([\w./-]+):(\d+):\d+$/.exec(text) ?? [];
  assert.ok(
    where && line && text.includes(message),
    `expected an abort with "${message}", a file and a line, got ${text}`,
  );
  assert.ok(
    readFileSync(where, "utf8").split("\n")[Number(line) - 1]!.includes(message),
    `${where}:${line} is another line`,
  );
}

test("a failed assert of a product or of softmax is an error that names file and line", () => {
  const matmul = (scratch: number, c = base, m = 1): void =>
    kernels.matmul(c, base, base, scratch, m, 1, 1, 1, 1, 1, 1, 1, 256, 0, 0, 0);
  assertAborts(() => matmul(base + 4), "scratch must be 16-byte aligned");
  assertAborts(() => matmul(base, 0), "a, b and c must be there");
  assertAborts(() => matmul(base, base, -1), "m, n and k must be 0 or more");
  const thin = (m: number, n: number, k: number, span = 128, column = 4 * k, from = 0): void =>
    kernels.matmulThin(base, base, base, m, n, k, 4 * k, column === 4 ? 4 * n : 4, column, 4 * n, span, from, 0);
  assertAborts(() => thin(1, 16, 3), "k and span must be multiples of 4");
  assertAborts(() => thin(1, 16, 4, 3), "k and span must be multiples of 4");
  assertAborts(() => thin(1, 16, 4, 128, 32), "columns of b must lie one after the other");
  assertAborts(() => thin(0, 16, 4), "m and k must be 1 or more");
  assertAborts(() => thin(1, 15, 4), "16 of a transposed b");
  assertAborts(() => thin(1, 7, 4, 128, 4), "there must be 8 columns or more");
  assertAborts(() => thin(1, 16, 4, 128, 16, base), "c no base of itself");
  assertAborts(() => kernels.softmax(base, base, 1, 0), "n 1 or more");
  assertAborts(() => kernels.softmaxBackward(base, 0, base, 1, 1), "dy, y and dx must be there");
});

test("a failed assert of the nn kernels is an error that names file and line", async () => {
  const { exports: nn, memory } = await loadNn("debug");
  assertAborts(() => nn.act(base + 64, 0, base, 1, 6), "kind must be 1 to 5");
  assertAborts(() => nn.act(base, 0, base, 1, 1), "y must not be z or slope");
  assertAborts(() => nn.act(base, base, base + 64, 1, 1), "y must not be z or slope");
  assertAborts(() => nn.multiply(base, base, base, -1), "n must be 0 or more");
  assertAborts(() => nn.glu(base, base, 1, 1), "y must not be x");
  assertAborts(() => nn.gluBackward(base, base + 64, base, 1, 1), "dx must not be x");
  assertAborts(() => nn.layerNorm(base, base, base, base, base, base, 1, 0, 0), "width 1 or more");
  assertAborts(() => nn.columnSum(base, base, 1, 4, 2, 5, 0), "c1 <= width");
  assertAborts(() => nn.depthwise(base, base, base, 0, base, 1, 1, 1, 2), "taps odd");
  assertAborts(() => nn.dropout(base, base, 1, 0, 0, 0, 1.5), "p between 0 and 1");
  const words = new Int32Array(memory.buffer, base, 2);
  words.set([3, -1]);
  assertAborts(() => nn.crossEntropy(base + 64, 0, base + 128, base, 1, 3, 1), "targets must be below width");
  assertAborts(() => nn.embedding(base + 64, base + 128, base, 2, 1), "ids must be 0 or more");
  const ctc = (T: number, S: number): void =>
    nn.ctc(base + 64, 0, base + 128, base, base, base, base + 512, 1, T, 2, S, 0, base);
  assertAborts(() => ctc(2, 3), "frames must be 0 to T");
  assertAborts(() => ctc(3, 2), "targetLengths must be 0 to S");
});

test("a Problem that breaks what the attention kernels rely on is an error that names file and line", () => {
  const good = { B: 1, H: 2, Hkv: 1, N: 1, M: 1, D: 1, E: 1, members: 1, scratch: base };
  const pointers = { q: base, k: base, v: base, out: base, lse: base, dout: base };
  const call = (kernel: "attentionForward" | "attentionBackward", bad: Partial<Record<keyof typeof Field, number>>) => {
    const words = new Int32Array(memory.buffer, base, PROBLEM_BYTES / 4).fill(0);
    for (const [name, value] of Object.entries({ ...good, ...pointers, ...bad })) words[Field[name as "B"] / 4] = value;
    return () => kernels[kernel](base);
  };
  for (const kernel of ["attentionForward", "attentionBackward"] as const) {
    assertAborts(call(kernel, { Hkv: 0 }), "H must be a multiple of Hkv");
    assertAborts(call(kernel, { H: 3, Hkv: 2 }), "H must be a multiple of Hkv");
    assertAborts(call(kernel, { D: 0 }), "B, H, D and E must be 1 or more");
    assertAborts(call(kernel, { N: -1 }), "N and M must be 0 or more");
    assertAborts(call(kernel, { v: 0 }), "q, k and v must be there");
    assertAborts(call(kernel, { lse: 0 }), "out and lse must be there");
    assertAborts(call(kernel, { scratch: base + 16 }), "scratch must be 64-byte aligned");
    assertAborts(call(kernel, { member: 1 }), "member must be one of the members");
    assertAborts(call(kernel, { scale: 0x7fc00000 }), "scale must be finite");
  }
  assertAborts(call("attentionBackward", { dout: 0 }), "dout must be there");
  assertAborts(call("attentionBackward", { dbias: base }), "dbias takes a bias");
});

test("the debug build gives the bits of the release build: attention, matmul, softmax, forward and backward", async () => {
  const debug = await loadKernels("debug");
  const la = new LaserAttention(debug.exports, debug.memory, "plain");
  for (let seed = 1; seed <= 40; seed++) {
    const kind: Kind = seed % 10 === 0 ? "long" : "small";
    const { c, placement } = randomCase(seed, kind);
    assertSameBits(describeCase(seed, kind), run(la, c, placement), run(plain, c, placement));
  }
  const random = new Random(1);
  const [m, n, k] = [50, 11, 300];
  const [a, b, dout] = [random.normals(m * k), random.normals(k * n), random.normals(m * n)];
  const [got, expected] = [la, plain].map((instance) =>
    instance.scope(() => {
      const [x, y, g] = [instance.tensor(a, [m, k]), instance.tensor(b, [k, n]), instance.tensor(dout, [m, n])];
      const { da, db } = instance.matmulBackward(g, x, y);
      const soft = instance.softmax(x);
      return [instance.matmul(x, y), da, db, soft, instance.softmaxBackward(x, soft)].map((t) => t.toArray());
    }),
  );
  assert.equal(got, expected);
});

test.run();
