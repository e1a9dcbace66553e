/**
 * Attention in float64, the naive way: for each query row, loops over the keys that it sees and nothing else.
 * A hidden key is never read, so whatever lies there (NaN, infinity) cannot matter.
 */
export type Numbers = ArrayLike<number>;

/** A mask or bias: each of B, H, N is full or 1 (broadcast). */
export interface Broadcast {
  data: Numbers;
  shape: readonly [number, number, number, number];
}

type Sizes = Record<"B" | "H" | "Hkv" | "N" | "M" | "D" | "E", number>;

/** One attention call; every tensor contiguous: q [B,H,N,D], k [B,Hkv,M,D], v [B,Hkv,M,E], dout [B,H,N,E]. */
export interface Case extends Sizes, Record<"q" | "k" | "v" | "dout", Numbers> {
  variant: "standard" | "laser";
  causal?: boolean | undefined;
  window?: readonly [number, number] | undefined;
  align?: "bottom-right" | "top-left" | undefined;
  mask?: Broadcast | undefined;
  bias?: Broadcast | undefined;
  scale?: number | undefined;
  softcap?: number | undefined;
  alibi?: boolean | Numbers | undefined;
}

/** What a query row sees: its keys j, their scores s, d score / d (scale q.k) and softmax weights p. */
export interface Row {
  keys: number[];
  s: number[];
  slope: number[];
  p: number[];
  lse: number;
  out: Float64Array;
}

/** Largest finite magnitudes among the scores, queries, keys and values that take part: what the bounds are made of. */
export type Extent = Record<"s" | "q" | "k" | "v", number>;

export const scaleOf = (c: Case): number => c.scale ?? 1 / Math.sqrt(c.D);
const shiftOf = (c: Case): number => (c.align === "top-left" ? 0 : c.M - c.N);
const keyHead = (c: Case, b: number, h: number): number => b * c.Hkv + Math.floor(h / (c.H / c.Hkv));

function at(t: Broadcast, b: number, h: number, i: number, j: number): number {
  const [B, H, N, M] = t.shape;
  return (((b % B) * H + (h % H)) * N + (i % N)) * M + j;
}

export function sees(c: Case, b: number, h: number, i: number, j: number): boolean {
  const [left, right] = c.window ?? [-1, -1];
  const x = i + shiftOf(c);
  if (c.causal && j > x) return false;
  if ((left >= 0 && j < x - left) || (right >= 0 && j > x + right)) return false;
  if (c.mask && c.mask.data[at(c.mask, b, h, i, j)] === 0) return false;
  return !(c.bias && c.bias.data[at(c.bias, b, h, i, j)] === -Infinity);
}

function logsumexp(x: Numbers): number {
  let [most, sum] = [-Infinity, 0];
  for (let n = 0; n < x.length; n++) most = Math.max(most, x[n]!);
  if (Math.abs(most) === Infinity) return most;
  for (let n = 0; n < x.length; n++) sum += Math.exp(x[n]! - most);
  return most + Math.log(sum);
}

/** Forward of query row (b, h, i): s_ij, L_i = logsumexp_j s_ij, p_ij = exp(s_ij - L_i), o_i. */
export function oracleRow(c: Case, b: number, h: number, i: number): Row {
  const row: Row = { keys: [], s: [], slope: [], p: [], lse: -Infinity, out: new Float64Array(c.E) };
  const query = (b * c.H + h) * c.N + i;
  const first = keyHead(c, b, h) * c.M;
  const { q, k, v, D, E } = c; // read once: cases with other options are other shapes to an engine, which reads those slowly
  const scale = scaleOf(c);
  const alibi = c.alibi === true ? 2 ** ((-8 * (h + 1)) / c.H) : c.alibi ? c.alibi[h]! : 0;
  for (let j = 0; j < c.M; j++) {
    if (!sees(c, b, h, i, j)) continue;
    let dot = 0;
    for (let d = 0; d < D; d++) dot += q[query * D + d]! * k[(first + j) * D + d]!;
    const x = scale * dot;
    const t = c.softcap ? Math.tanh(x / c.softcap) : 0;
    const bias = c.bias ? c.bias.data[at(c.bias, b, h, i, j)]! : 0;
    row.keys.push(j);
    row.s.push((c.softcap ? c.softcap * t : x) + bias - alibi * Math.abs(i + shiftOf(c) - j));
    row.slope.push(1 - t * t);
  }
  row.lse = logsumexp(row.s);
  if (row.lse === -Infinity) return { ...row, keys: [], s: [], slope: [] }; // sees nothing: o = 0, no gradient
  row.p = row.s.map((s) => Math.exp(s - row.lse));
  const x = new Float64Array(row.keys.length);
  for (let d = 0; d < E; d++) {
    for (let n = 0; n < x.length; n++) x[n] = v[(first + row.keys[n]!) * E + d]!;
    if (c.variant === "laser") {
      for (let n = 0; n < x.length; n++) x[n]! += row.s[n]!;
      row.out[d] = logsumexp(x) - row.lse;
    } else {
      for (let n = 0; n < x.length; n++) row.out[d]! += row.p[n]! * x[n]!;
    }
  }
  return row;
}

/** Where row `query` of [B, H, N] lies. */
export const placeOf = (c: Case, query: number): [b: number, h: number, i: number] => [
  Math.floor(query / c.N / c.H),
  Math.floor(query / c.N) % c.H,
  query % c.N,
];

/** What takes part: the scores of all rows, their queries, and the keys and values that any of them sees. */
export function extentOf(c: Case): Extent {
  const extent: Extent = { s: 0, q: 0, k: 0, v: 0 };
  const note = (name: keyof Extent, x: Numbers, from = 0, count = x.length): void => {
    for (let n = from; n < from + count; n++) {
      const size = Math.abs(x[n]!);
      if (size > extent[name] && size < Infinity) extent[name] = size;
    }
  };
  const scores = { ...c, E: 0 };
  const seen = new Set<number>();
  for (let query = 0; query < c.B * c.H * c.N; query++) {
    const [b, h, i] = placeOf(c, query);
    const row = oracleRow(scores, b, h, i);
    note("s", row.s);
    if (row.keys.length > 0) note("q", c.q, query * c.D, c.D);
    for (const j of row.keys) seen.add(keyHead(c, b, h) * c.M + j);
  }
  for (const key of seen) {
    note("k", c.k, key * c.D, c.D);
    note("v", c.v, key * c.E, c.E);
  }
  return extent;
}

/** Forward and backward of the whole call. dbias is summed over the axes that bias broadcasts. */
export function oracle(c: Case) {
  const { q, k, v, dout, D, E } = c;
  const out = new Float64Array(c.B * c.H * c.N * E);
  const lse = new Float64Array(c.B * c.H * c.N);
  const dq = new Float64Array(q.length);
  const dk = new Float64Array(k.length);
  const dv = new Float64Array(v.length);
  const dbias = c.bias && new Float64Array(c.bias.data.length);
  const [scale, laser] = [scaleOf(c), c.variant === "laser"];
  for (let query = 0; query < lse.length; query++) {
    const [b, h, i] = placeOf(c, query);
    const row = oracleRow(c, b, h, i);
    out.set(row.out, query * E);
    lse[query] = row.lse;
    for (let n = 0; n < row.keys.length; n++) {
      const key = keyHead(c, b, h) * c.M + row.keys[n]!;
      const p = row.p[n]!;
      let ds = 0; // ds_ij = sum_d do_id (d out_id / d s_ij)
      for (let d = 0; d < E; d++) {
        const value = v[key * E + d]!;
        const o = row.out[d]!;
        // d out_id / d v_jd is w_ijd for LASER, p_ij for standard; d out_id / d s_ij is w_ijd - p_ij, and p_ij (v_jd - o_id).
        const w = laser ? Math.exp(row.s[n]! + value - row.lse - o) : p;
        ds += dout[query * E + d]! * (laser ? w - p : w * (value - o));
        dv[key * E + d]! += dout[query * E + d]! * w;
      }
      if (c.bias && dbias) dbias[at(c.bias, b, h, i, row.keys[n]!)]! += ds;
      const dx = scale * ds * row.slope[n]!;
      for (let d = 0; d < D; d++) {
        dq[query * D + d]! += dx * k[key * D + d]!;
        dk[key * D + d]! += dx * q[query * D + d]!;
      }
    }
  }
  return { out, lse, dq, dk, dv, dbias, extent: extentOf(c) };
}
