/** What a backward call refuses: layouts that kernels do not read, and targets that lie over what it reads. */
import { test } from "uvu";
import { createSync, type Tensor } from "../src/index.js";
import { throws } from "./support/throws.js";

const [B, H, N, D] = [1, 2, 4, 4];

test("tensors that are not contiguous along their last axis are refused by name, targets too, and so is saved.v of another rank", () => {
  const la = createSync();
  const [q, k, v, dout] = Array.from({ length: 4 }, () => la.zeros([B, H, N, D])) as [never, never, never, never];
  const saved = la.attentionForward(q, k, v, { variant: "laser" });
  const turned = la.zeros([B, H, N, D]).view([B, H, N, D], [H * N * D, N * D, 1, N]);
  const apart = la.zeros([B, H, 2 * N]).view([B, H, N], [2 * H * N, 2 * N, 2]);
  const refused = (name: string, dy: unknown, changed: object) =>
    throws(
      () => la.attentionBackward(dy as never, { ...saved, ...changed }),
      RangeError,
      `attentionBackward: ${name} must`,
    );
  refused("dout", turned, {});
  refused("saved.out", dout, { out: turned });
  refused("saved.lse", dout, { lse: apart });
  for (const name of ["k", "v"]) refused(`saved.${name}`, dout, { [name]: turned });
  refused("saved.v", dout, { v: la.zeros([N, D]) });
  const options = { into: { dk: turned } };
  throws(() => la.attentionBackward(dout, saved, options), RangeError, "attentionBackward: into.dk must be contiguous");
  const out = { variant: "laser", out: turned } as const;
  throws(() => la.attention(q, k, v, out), RangeError, "attention: out must be contiguous");
  la.attentionBackward(dout, saved);
  la.dispose();
});

test("a target that lies over anything that backward reads is refused, and named with it", () => {
  const la = createSync();
  const [q, k, v, dout] = Array.from({ length: 4 }, () => la.zeros([B, H, N, 1])) as [never, never, never, never];
  const saved = la.attentionForward(q, k, v, { variant: "laser" });
  for (const [name, tensor] of Object.entries({ dout, out: saved.out, lse: saved.lse, q, k, v })) {
    for (const target of ["dq", "dk", "dv"]) {
      const into = { [target]: (tensor as Tensor).view([B, H, N, 1]) };
      const message = `attentionBackward: into.${target} must share no element with ${name}, got`;
      throws(() => la.attentionBackward(dout, saved, { into }), RangeError, message);
    }
  }
  la.dispose();
});

test.run();
