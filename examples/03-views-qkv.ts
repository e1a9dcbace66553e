// Heads of one projection without a copy: q, k, v are views of qkv, and their gradients are written into views of dqkv.
import { createSync } from "laser-attention";

const la = createSync();
const [B, N, H, D] = [2, 64, 4, 32];
const C = H * D;
const wave = (count: number, factor: number) => Float32Array.from({ length: count }, (_, n) => Math.sin(factor * n));

// One linear layer makes all three: x [B, N, C] W [C, 3 C] -> [B, N, 3 C], seen as [B, N, 3 H, D].
const x = la.tensor(wave(B * N * C, 0.3), [B, N, C]);
const w = la.tensor(
  wave(C * 3 * C, 0.7).map((y) => y / Math.sqrt(C)),
  [C, 3 * C],
);
const qkv = la.matmul(x, w);
const heads = qkv.view([B, N, 3 * H, D]);

// narrow(axis, start, length) shares the storage; layout BNHD says that the axes are [B, N, H, D].
const options = { variant: "laser", causal: true, layout: "BNHD" } as const;
const saved = la.attentionForward(heads.narrow(2, 0, H), heads.narrow(2, H, H), heads.narrow(2, 2 * H, H), options);
console.log("out", saved.out.shape, "or, without a copy,", saved.out.view([B, N, C]).shape);

// The gradients land side by side in dqkv, which is what the backward pass of the linear layer takes.
const dqkv = la.empty([B, N, 3 * C]);
const dheads = dqkv.view([B, N, 3 * H, D]);
la.attentionBackward(la.tensor(wave(B * N * C, 0.9), saved.out.shape), saved, {
  into: { dq: dheads.narrow(2, 0, H), dk: dheads.narrow(2, H, H), dv: dheads.narrow(2, 2 * H, H) },
});
const { da: dx, db: dw } = la.matmulBackward(dqkv, x, w);
console.log("dx", dx.shape, "dw", dw.shape);

// A strided view has no `data`; toArray copies its elements out, row-major.
const dvOfHead0 = dheads.narrow(2, 2 * H, 1); // [B, N, 1, D]
console.log("largest dv of head 0:", Math.max(...dvOfHead0.toArray()).toFixed(3));

// The same views in the other order of axes: [B, H, N, D] with explicit strides.
const k = qkv.view([B, H, N, D], [N * 3 * C, D, 3 * C, 1], C);
console.log("k as [B, H, N, D]:", k.shape, "strides", k.strides);
la.dispose();
