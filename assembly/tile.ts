/**
 * The tuning constants. NR, BR, KT and KC fix the order of every sum (docs/design.md, "One order of summation"):
 * changing one changes bits. MR is a register choice and changes none.
 */

/**
 * Rows of a register tile: 4 x 8 needs 8 accumulators + 2 loads + 1 broadcast (+ 1 product), 6 x 8 fills 15 registers with fused
 * multiply-add. Four or five rows that six leave over have tiles of their own (microkernel.ts), fewer go one by one.
 */
export const MR: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 4;

/** Columns of a register tile and width of a packed panel. */
export const NR: i32 = 8;

/** Query rows of a block: a multiple of MR in every build (4 and 6), so that a block never splits a register tile. */
export const BR: i32 = 48;

/**
 * The most keys of a tile, for the online softmax and for LASER's column maxima (layout.ts, keysOfTile): a multiple of BR, so
 * that a query block lies in one tile. With 288 instead of 192, N 197 is one tile (docs/design.md has the times).
 */
export const KT: i32 = 288;

/** Bytes from one row of a score strip to the next. */
export const STRIP: usize = KT << 2;

/**
 * Depth of a matmul block: 256 x MR floats of A and 256 x 8 of B stay in the first-level cache. With 128 products took 0.99 to 1.02 times the time,
 * with 512 1.00 to 1.01, of eight rows 1.14 and 1.23 (relaxed and plain; `npm run bench:compare -- DIR --filter "matmul "`).
 */
export const KC: i32 = 256;

/**
 * Rows and columns of a matmul block, 48 x 256 floats of A and 256 x 1024 of B; of fewer columns deeper, see KN. 197 x 384 x 1536 took 1.00 times the
 * time with 24 and with 96 rows and with 512 columns, 1.015 with 2048 (relaxed; `npm run bench:compare -- DIR --filter "matmul "`).
 */
export const MC: i32 = 48;
export const NC: i32 = 1024;

/**
 * Where rows of a are contiguous and b has less than 512 columns, KN floats of b (512 KB, half of the second-level cache here), KD rows
 * at most, are packed at once: c then stays in that cache from span to span, and rows of a are read in longer runs. Changes no bit. KC
 * rows each time, steps of training at width 192 took 0.96 to 1.06 times the time (relaxed, median of eight lines 1.03;
 * `npm run bench:compare -- DIR --filter "d 192"`).
 */
export const KN: i32 = 131072;
export const KD: i32 = 1024;

/** Bytes of a panel's row, NR floats. */
export const PANEL: usize = NR << 2;
