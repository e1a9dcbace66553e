/** Calls that end in the middle, while other threads still work for them: no memory is written afterwards, and later calls are right. */
import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { firstDifference } from "./support/bits.js";
import { Random } from "./support/random.js";
import { makeTeam } from "./support/team.js";

const [H, N, D] = [4, 128, 32];
const shape = [1, H, N, D] as const;
const data = new Random(1).normals(H * N * D);

/** An instance with two threads, a call on both of them, and tensors that no call may touch, with memory to be found between them. */
function setUp(variant: "standard" | "laser") {
  const { la } = makeTeam(2);
  const [q, out] = [la.tensor(data, shape), la.empty(shape)];
  const tensors = Array.from({ length: 20 }, () => la.tensor(data, shape));
  const others = tensors.filter((tensor, n) => n % 2 === 0 || tensor.dispose());
  const call = (): void => void la.attention(q, q, q, { variant, out });
  call();
  const expected = out.toArray();
  const check = (): void => {
    out.data.fill(0);
    call();
    assert.is(firstDifference(out.data, expected), -1);
    for (const tensor of [q, ...others]) assert.is(firstDifference(tensor.data, data), -1);
  };
  return { la, call, check };
}

function dive(depth: number, call: () => void): number {
  if (depth > 0) return 1 + dive(depth - 1, call);
  call();
  return 0;
}

for (const variant of ["standard", "laser"] as const) {
  test(`a stack that is full, wherever in a call with threads, is an error of that call alone: ${variant}`, () => {
    const { la, call, check } = setUp(variant);
    let overflows = 0;
    for (let depth = 1000; overflows < 150; depth += overflows === 0 ? 50 : 1) {
      let error: unknown;
      try {
        dive(depth, call);
      } catch (caught) {
        error = caught;
      }
      if (error === undefined) continue;
      assert.instance(error, RangeError);
      if (overflows++ === 0) depth -= 60;
      check();
    }
    assert.is(la.threads, 2);
    la.dispose();
  });
}

// Deno's node:vm has no timeouts.
if (!("Deno" in globalThis)) {
  test("a call that a timeout of node:vm ends, which runs no finally, leaves nothing behind that writes", () => {
    const { la, call, check } = setUp("laser");
    for (let n = 0; n < 20; n++) {
      assert.throws(() => runInNewContext("for (;;) call()", { call }, { timeout: 5 + n }), /timed out/);
      check();
    }
    assert.is(la.threads, 2);
    la.dispose();
  });

  test("where the other threads wait for the one that was cut off, the next call says so, and later ones run on one thread", () => {
    const { la } = makeTeam(2);
    const x = la.tensor(data, [1, 1, H * N, D]); // one head: its threads meet after each tile of keys
    const saved = la.attentionForward(x, x, x, { variant: "standard" });
    const backward = (): Float32Array => la.scope(() => la.attentionBackward(x, saved).dk.toArray());
    const expected = backward();
    let error: unknown;
    for (let n = 0; error === undefined && n < 20; n++) {
      assert.throws(() => runInNewContext("for (;;) backward()", { backward }, { timeout: 5 + n }), /timed out/);
      try {
        backward();
      } catch (caught) {
        error = caught;
      }
    }
    assert.match(String(error), "worker 1 broke down: RuntimeError: unreachable; later calls run on one thread");
    assert.is(la.threads, 1);
    assert.is(firstDifference(backward(), expected), -1);
    la.dispose();
  });
}

test.run();
