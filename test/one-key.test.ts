import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertWithin, compare } from "./support/bounds.js";
import { engines } from "./support/engines.js";
import { type Broadcast, type Case, oracle } from "./support/oracle.js";
import { Random } from "./support/random.js";
import { run } from "./support/run.js";

/** Calls whose rows all see one key: of dS = P (dP - delta) nothing is left but rounding. */
function oneKey(variant: Case["variant"], seed: number): [string, Case][] {
  const random = new Random(seed);
  const call = (N: number, M: number, H: number, E: number, spread: number, more: Partial<Case>): Case => ({
    variant,
    ...{ B: 1, H, Hkv: 1, N, M, D: 32, E, q: random.normals(H * N * 32), k: random.normals(M * 32) },
    ...{ v: random.normals(M * E, spread), dout: random.normals(H * N * E), ...more },
  });
  const first: Broadcast = { data: [1, 0], shape: [1, 1, 1, 2] };
  const shared: Broadcast = { data: [0.5, 0], shape: [1, 1, 1, 2] };
  const any = Uint8Array.from({ length: 100 * 300 }, (_, n) => Number(n % 300 === (37 * Math.floor(n / 300)) % 300));
  return [
    ["one key for a group of eight heads", call(200, 1, 8, 64, 1, {})],
    ["the same, values of deviation 20", call(200, 1, 8, 130, 20, {})],
    ["a mask that shows one key of two", call(383, 2, 8, 64, 1, { mask: first })],
    ["the same with a bias that all rows share", call(383, 2, 8, 64, 1, { mask: first, bias: shared })],
    [
      "a mask that shows each row another key of two tiles",
      call(100, 300, 1, 33, 3, { mask: { data: any, shape: [1, 1, 100, 300] } }),
    ],
    ["a window of the key itself", call(64, 64, 2, 32, 1, { window: [0, 0] })],
  ];
}

for (const variant of ["standard", "laser"] as const) {
  const exact = variant === "standard" ? ", and dq, dk and dbias are exactly 0" : "";
  test(`${variant}: where a row sees one key, all results keep the bounds of support/bounds.ts${exact}`, () => {
    for (const [label, c] of oneKey(variant, 1)) {
      const reference = oracle(c);
      for (const la of engines) {
        const got = run(la, c);
        assertWithin(`${la.simd}, ${label}`, compare(c, got, reference, reference.extent));
        if (variant === "laser") continue;
        for (const name of ["dq", "dk", "dbias"] as const) {
          const zero = Array.from(got[name] ?? []).every((x) => x === 0);
          assert.ok(zero, `${la.simd}, ${label}: ${name}`);
        }
      }
    }
  });
}

test.run();
