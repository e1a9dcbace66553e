// Deno: nothing to permit, threads included; and the same bits at any number of threads.
//   deno run examples/04-deno.ts
import { createSync } from "laser-attention/threads";

const [B, H, N, D] = [1, 2, 1024, 64];
const wave = Float32Array.from({ length: B * H * N * D }, (_, n) => Math.sin(0.37 * n));

function attend(threads: number): Float32Array {
  using la = createSync({ threads }); // disposed when the function ends
  console.log(`Deno ${Deno.version.deno}, ${la.threads} thread(s)`); // asked for, it waits until they have started
  const x = la.tensor(wave, [B, H, N, D]);
  const { out } = la.attentionForward(x, x, x, { variant: "laser", causal: true });
  return out.toArray();
}

const [one, two] = [attend(1), attend(2)];
console.log(
  "same bits:",
  one.every((x, n) => Object.is(x, two[n])),
);
