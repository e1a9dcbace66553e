// Bun: the slim entry with the kernels as a file of their own, which `bun build --compile` takes in.
//   bun examples/05-bun.js
import file from "laser-attention/kernels.wasm" with { type: "file" };
import { create } from "laser-attention/slim";

const la = await create({ wasm: Bun.file(file).arrayBuffer() });
const [B, H, N, D] = [1, 2, 8, 4];
const x = la.tensor(
  Float32Array.from({ length: B * H * N * D }, (_, n) => Math.sin(n)),
  [B, H, N, D],
);
const out = la.attention(x, x, x, { variant: "laser", causal: true });
// The first query sees one key, so it gives that key's value.
console.log(
  `Bun ${Bun.version}: out ${out.shape}, first row off by ${Math.abs(out.data[1] - Math.sin(1)).toExponential(0)}`,
);
la.dispose();
