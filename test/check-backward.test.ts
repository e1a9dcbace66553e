/** What a backward call refuses of tensors that are neither its options nor its targets: layouts that kernels do not read. */
import { test } from "uvu";
import { createSync } from "../src/index.js";
import { throws } from "./support/throws.js";

const [B, H, N, D] = [1, 2, 4, 4];

test("out, lse and dout that are not contiguous along their last axis are refused by name, and so is saved.v of another rank", () => {
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
  refused("saved.v", dout, { v: la.zeros([N, D]) });
  la.attentionBackward(dout, saved);
  la.dispose();
});

test.run();
