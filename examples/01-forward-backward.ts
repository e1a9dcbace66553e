// Causal LASER attention of one layer, forward and backward.
import { createSync } from "laser-attention";

const la = createSync();
const [B, H, N, D] = [1, 4, 128, 64];

// Any Float32Array will do; its elements are copied into the memory of the kernels.
const waves = (phase: number) => Float32Array.from({ length: B * H * N * D }, (_, n) => Math.sin(0.37 * n + phase));
const q = la.tensor(waves(0), [B, H, N, D]);
const k = la.tensor(waves(1), [B, H, N, D]);
const v = la.tensor(waves(2), [B, H, N, D]);

// `saved` holds out, lse [B, H, N] and references to the inputs: all that backward needs, and nothing N x N.
const saved = la.attentionForward(q, k, v, { variant: "laser", causal: true });
console.log("out", saved.out.shape, "lse", saved.lse.shape);

// Gradient of the loss sum(out^2) / 2 with respect to out; what follows attention would give it.
const dout = la.tensor(saved.out.toArray(), saved.out.shape);
const { dq, dk, dv } = la.attentionBackward(dout, saved);
const norm = (x: Float32Array) => Math.sqrt(x.reduce((sum, y) => sum + y * y, 0)).toFixed(2);
console.log("norm of dq", norm(dq.data), "dk", norm(dk.data), "dv", norm(dv.data));

// A small step against the gradient makes the loss smaller.
const loss = (out: Float32Array) => out.reduce((sum, x) => sum + (x * x) / 2, 0);
const step = (x: Float32Array, dx: Float32Array) => x.map((y, n) => y - 0.01 * dx[n]!);
for (const [tensor, gradient] of [
  [q, dq],
  [k, dk],
  [v, dv],
] as const) {
  tensor.set(step(tensor.data, gradient.data));
}
// A scope releases what is made inside and not returned; here a number is returned.
const after = la.scope(() => loss(la.attention(q, k, v, { variant: "laser", causal: true }).data));
console.log("loss", loss(saved.out.data).toFixed(2), "->", after.toFixed(2));

// Gives back everything at once; single tensors have dispose() too.
la.dispose();
