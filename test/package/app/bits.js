/** Forward and backward of both variants on fixed input, as one hash: the same bits give the same hash in every engine. */
export function bits(la) {
  const [B, H, N, D] = [1, 4, 200, 32]; // work enough for two threads
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  };
  const random = () => la.tensor(Float32Array.from({ length: B * H * N * D }, next), [B, H, N, D]);
  const [q, k, v, dout] = [random(), random(), random(), random()];
  let hash = 0;
  for (const variant of ["standard", "laser"]) {
    const saved = la.attentionForward(q, k, v, { variant, causal: true });
    const { dq, dk, dv } = la.attentionBackward(dout, saved);
    for (const tensor of [saved.out, saved.lse, dq, dk, dv]) {
      const words = new Uint32Array(tensor.toArray().buffer);
      for (const word of words) hash = Math.imul(hash ^ word, 16777619);
    }
  }
  return (hash >>> 0).toString(16);
}
