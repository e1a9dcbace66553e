import { createSync, type Tensor } from "laser-attention";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { throws } from "./support/throws.js";

const la = createSync();
const x = la.tensor(
  Float32Array.from({ length: 48 }, (_, i) => Math.sin(i)),
  [1, 2, 3, 8],
);
const used = (): number => la.memory.used;

/** Runs `body`, disposes what it returns, and says whether all the memory it took came back. */
function returnsAll(body: () => Tensor[]): boolean {
  const before = used();
  for (const t of body()) t.dispose();
  return used() === before;
}

test("what is made inside and not returned is released, what is returned lives", () => {
  let inner: Tensor | undefined;
  const before = used();
  const kept = la.scope(() => {
    inner = la.zeros([1000]);
    return la.exp(x);
  });
  throws(() => inner!.data, TypeError, "disposed");
  assert.ok(kept.data[0]! > 0);
  kept.dispose();
  assert.is(used(), before);
  assert.ok(x.data.length > 0, "tensors from outside are untouched");
});

test("nested results are found: arrays, objects, maps, sets, cycles, and a saved object with its mask", () => {
  const before = used();
  const result = la.scope(() => {
    const deep: Record<string, unknown> = { list: [[la.zeros([1])]], map: new Map([["a", la.zeros([2])]]) };
    deep.keys = new Map([[la.zeros([2]), 1]]);
    deep.self = deep;
    deep.set = new Set([la.zeros([3])]);
    deep.array = new Float32Array(1000);
    const mask = la.zeros([1, 1, 1, 3], "u8");
    deep.saved = la.attentionForward(x, x, x, { variant: "laser", mask });
    la.zeros([5000]);
    return deep;
  });
  const { list, map, keys, set, saved } = result as {
    list: Tensor[][];
    map: Map<string, Tensor>;
    keys: Map<Tensor, number>;
    set: Set<Tensor>;
    saved: ReturnType<typeof la.attentionForward>;
  };
  const all = [list[0]![0]!, map.get("a")!, ...keys.keys(), ...set, saved.out, saved.lse];
  for (const t of all) t.toArray();
  const { dq, dk, dv } = la.attentionBackward(x, saved);
  for (const t of [dq, dk, dv, saved.options.mask!, ...all]) t.dispose();
  assert.is(used(), before);
});

test("everything is released when fn throws, and the error comes through", () => {
  const before = used();
  throws(
    () =>
      la.scope(() => {
        la.zeros([1000]);
        la.scope(() => la.zeros([1000]));
        throw new RangeError("from inside");
      }),
    RangeError,
    "from inside",
  );
  assert.is(used(), before);
});

test("results of any size are walked through: a map, a set and an array of 100,000 entries, and a list as deep", () => {
  const before = used();
  interface Link {
    next?: Link;
    t?: Tensor;
  }
  const tensors: Tensor[] = [];
  const make = (size: number): Tensor => {
    const t = la.zeros([size]);
    tensors.push(t);
    return t;
  };
  la.scope(() => {
    const [map, set, array] = [new Map<number, unknown>(), new Set<unknown>(), new Array<unknown>(100_000).fill(0)];
    let list: Link = { t: make(1) };
    for (let n = 0; n < 100_000; n++) {
      map.set(n, n);
      set.add({ n });
      list = { next: list };
    }
    map.set(50_000, make(2));
    set.add([make(3)]);
    array.push(make(4));
    la.zeros([5]);
    return { map, set, list, array };
  });
  for (const [n, t] of tensors.entries()) assert.is(t.data.length, n + 1);
  for (const t of tensors) t.dispose();
  assert.is(used(), before);
});

test("a promise is a TypeError, and what was made before it is released", () => {
  const before = used();
  throws(
    () =>
      la.scope(async () => {
        la.zeros([1000]);
      }),
    TypeError,
    "scope: fn must be synchronous, got one that returns a promise",
  );
  assert.is(used(), before);
});

test("scopes nest: what an inner one returns belongs to the outer one", () => {
  const before = used();
  let inner: Tensor | undefined;
  const kept = la.scope(() => {
    inner = la.scope(() => la.exp(x));
    assert.ok(inner.data.length > 0);
    return la.scope(() => la.scope(() => la.log(inner!)));
  });
  throws(() => inner!.data, TypeError, "disposed");
  assert.is(kept.data.length, 48);
  kept.dispose();
  assert.is(used(), before);
});

test("a returned view keeps its base alive and gives the memory back when it is disposed", () => {
  assert.ok(returnsAll(() => [la.scope(() => la.zeros([100, 10]).narrow(0, 5, 2))]));
  assert.ok(returnsAll(() => la.scope(() => [0, 1].map((row) => la.zeros([2, 500]).narrow(0, row, 1)))));
  assert.ok(
    returnsAll(() =>
      la.scope(() => {
        const base = la.zeros([2, 500]);
        return [base.narrow(0, 0, 1), base.narrow(0, 1, 1)];
      }),
    ),
  );
  const [first, second] = la.scope(() => {
    const base = la.zeros([2, 500]);
    return [base.narrow(0, 0, 1), base.narrow(0, 1, 1)] as const;
  });
  first.dispose();
  assert.is(second.data.length, 500, "each of two returned views lives until it is disposed itself");
  second.dispose();
  assert.ok(returnsAll(() => [la.scope(() => la.scope(() => la.zeros([100, 10]).narrow(0, 5, 2)).narrow(1, 0, 3))]));
});

test("a base returned with its view stays the owner", () => {
  const before = used();
  const [base, view] = la.scope(() => {
    const t = la.zeros([100]);
    return [t, t.narrow(0, 0, 10)] as const;
  });
  view.dispose();
  assert.is(base.data.length, 100);
  base.dispose();
  assert.is(used(), before);
});

test("a tensor disposed inside, or made outside and disposed inside, is no trouble", () => {
  const before = used();
  const outer = la.zeros([10]);
  la.scope(() => {
    la.zeros([10]).dispose();
    outer.dispose();
    return outer;
  });
  assert.is(used(), before);
});

test.run();
