/** Where rows lie, of a tensor or of scratch, `stride` floats apart. */
export class Row {
  /** Row i of the rows that begin at `first`. */
  @inline static at(first: usize, stride: usize, i: i32): usize {
    return first + ((<usize>i * stride) << 2);
  }
}

/**
 * One attention call, as the facade writes it and the kernels read it: pointers, strides, sizes, flags.
 *
 * Every field takes four bytes, so that field number n lies at byte 4 n; `scripts/generate.mjs` reads the names
 * below in order and writes those that the facade sets into `src/generated/problem.ts`, its only source for offsets.
 *
 * Strides and sizes are in elements. `tB tH tN` (or `tM`) are the strides of tensor t over batch, head and row;
 * the innermost stride is 1. A pointer of 0 means that the tensor is absent. A broadcast axis has stride 0.
 */
@unmanaged
export class Problem {
  // outputs and incoming gradient
  out: usize;
  outB: usize;
  outH: usize;
  outN: usize; // [B, H, N, E]
  lse: usize; // [B, H, N] contiguous, natural log of sum of exp of the final scores
  rest: usize; // [B, H, N] contiguous, or 0: what rounding took from lse, in units of log 2 (score.ts, splitLse)
  dq: usize;
  dqB: usize;
  dqH: usize;
  dqN: usize; // [B, H, N, D]
  dk: usize;
  dkB: usize;
  dkH: usize;
  dkM: usize; // [B, Hkv, M, D]
  dv: usize;
  dvB: usize;
  dvH: usize;
  dvM: usize; // [B, Hkv, M, E]
  dbias: usize;
  dbiasB: usize;
  dbiasH: usize;
  dbiasN: usize; // the shape of bias
  dout: usize;
  doutB: usize;
  doutH: usize;
  doutN: usize; // [B, H, N, E]

  // inputs
  q: usize;
  qB: usize;
  qH: usize;
  qN: usize; // [B, H, N, D]
  k: usize;
  kB: usize;
  kH: usize;
  kM: usize; // [B, Hkv, M, D]
  v: usize;
  vB: usize;
  vH: usize;
  vM: usize; // [B, Hkv, M, E]
  mask: usize;
  maskB: usize;
  maskH: usize;
  maskN: usize; // u8 [B, H, N, M], 0 hides
  bias: usize;
  biasB: usize;
  biasH: usize;
  biasN: usize; // [B, H, N, M], -inf hides
  slopes: usize; // ALiBi, [H]

  scratch: usize; // 64-byte aligned, as many f32 as attentionForwardScratch / attentionBackwardScratch say

  // sizes
  B: i32;
  H: i32;
  Hkv: i32;
  N: i32;
  M: i32;
  D: i32;
  E: i32;

  // flags: key j is visible to query i when i' - left <= j <= i' + right, i' = i + offset
  offset: i32;
  left: i32;
  right: i32;
  scale: f32;
  softcap: f32; // 0: none
  laser: i32; // 0: standard, 1: LASER

  // what the call reports: elements that the exact recompute pass replaced, and the query rows it touched
  recomputed: i32;
  recomputedFirst: i32;
  recomputedLast: i32;

  // members of the call (team.ts): their number, which one this is, whether it may sleep; the others are 0 at the start
  members: i32;
  member: i32;
  sleeps: i32;
  taken: i32; // units of this member's range that are taken
  ticks: i32; // grows while it is at work
  arrived: i32; // members at the barrier, and how often it opened: of member 0
  turn: i32;

  // --- below: written and read by the kernels only ---

  team: i32; // members at work on the current head together

  // the current head, by enterHead: rows of one (batch, query head) and of its key head
  qHead: usize;
  kHead: usize;
  vHead: usize;
  outHead: usize;
  lseHead: usize;
  restHead: usize;
  doutHead: usize;
  dqHead: usize;
  maskHead: usize;
  biasHead: usize;
  dbiasHead: usize;
  slope: f32; // ALiBi slope of the head, in units of log 2

  // keys of a tile and padded sizes, by layout
  tileKeys: i32;
  Dp: i32;
  Ep: i32; // up to a multiple of NR
  Mp: i32; // up to a multiple of NR and of MR

  thin: i32; // whether queries are so few that each is taken by itself and K is not packed (thin.ts)

  // per key head
  least: f32; // of factors and weights: LEAST (laser.ts) where a seen value of the key head is infinite or NaN, else 0
  seen: usize; // i32 [Mp]: -1 where some query sees the key, else 0
  tiles: usize; // KeyTile [ceil(M / tileKeys)]
  kRows: usize; // K as row panels, for Q K^T
  kColumns: usize; // K as column panels, for dS K, where it is not read in place
  eRows: usize; // E as row panels, for G E^T
  eColumns: usize; // E as column panels, for P E, where it is not v read in place
  kAt: usize; // columns of K: column panel d of key j is at kAt + j kStep + d kPanel
  kStep: usize;
  kPanel: usize;
  eAt: usize; // and of E
  eStep: usize;
  ePanel: usize;
  columnMax: usize; // c_t [tile][Ep], 0 for the standard variant: all column factors are 1
  stage: usize; // one tile of E, row by row [tileKeys, Ep]
  dkSum: usize; // [Mp, Dp]
  dvSum: usize; // [Mp, Ep]

  // the current block of queries
  i0: i32; // rows [i0, i0 + rows)
  rows: i32;
  firstRow: i32; // rows [firstRow, endRow) of dq are this member's
  endRow: i32;
  lo: i32; // keys [lo, hi) of the tile that it sees
  hi: i32;
  firstKey: i32; // keys [firstKey, endKey) of them are this member's
  endKey: i32;
  blockHostile: i32; // whether the block holds NaN or infinity
  slow: i32; // whether the block or the tile does
  factor: usize; // of a tile's E: tileFactor (backward: f_t), 0: all 1
  far: i32; // elements of the current key head left to the recompute

  // per query block
  qRows: usize;
  qColumns: usize; // Q as row panels (scaled) and, where it is not read in place, as column panels
  qAt: usize; // columns of Q, as of K
  qStep: usize;
  qPanel: usize;
  g: usize; // G [BR, Ep]; in the recompute do of the far elements
  gRows: usize; // G as row panels
  kept: usize; // LASER: do without the far elements [BR, Ep]; in the recompute [out log2 e] of the far elements
  gScaled: usize; // first do (LASER) or o, then G f_t as row panels
  strip: usize; // scores, then P: [MR, KT] forward, [BR, KT] backward
  stripDs: usize; // dP, then dS: [BR, KT]
  stripDsNext: usize; // of a team: the one of the next tile
  stripSlope: usize; // softcap's derivative [BR, KT], 0 without softcap
  sum: usize; // forward: P E [BR, Ep], in far rows then its quotient by l; backward: dS K [BR, Dp]
  rowMax: usize; // m [BR] in units of log 2
  rowSum: usize; // l [BR]
  group: usize; // of the softmax of a row group (rows.ts)
  rowLse: usize; // lse [BR] in units of log 2
  rowRest: usize; // what rounding took from it [BR]
  rowDelta: usize; // delta [BR]
  rowFar: usize; // elements left to the recompute, i32 [BR]
  runMax: usize; // c_run, at the end c_q [Ep]
  sumFactor: usize; // exp(c_run - c_new) [Ep]
  tileFactor: usize; // exp(c_t - c_new) [Ep]
  top: usize; // recompute: forward the running maximum, backward 2^-fraction of out log2 e [BR, Ep]
  total: usize; // recompute, forward: running sum [BR, Ep]
  whole: usize; // recompute: [v log2 e] of a tile [tileKeys, Ep]; 2 2^fraction is in stage
  weights: usize; // recompute: 2^fraction of a row's scores [KT]
  partial: usize; // recompute, backward: four lane partials of r_j [KT, 4]
}
