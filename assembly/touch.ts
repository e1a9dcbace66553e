/** A cache line. */
const LINE: usize = 64;

/**
 * Loads a number of each cache line of rows [first, first + rows) of n floats, `row` floats apart. With layout BNHD, or one product of q, k
 * and v, rows of a head are a few lines each, far apart, which the processor does not fetch ahead. Loads of which nothing depends
 * wait for memory side by side; those of the loops that need the rows, few by few. Rows that follow each other are fetched ahead
 * anyway. A load that may trap is kept, used or not. docs/design.md has the times.
 */
export function touchRows(from: usize, row: usize, n: i32, first: i32, rows: i32): void {
  if (row == <usize>n) return;
  for (const end = first + rows; first < end; ++first) {
    const x = from + ((<usize>first * row) << 2);
    for (let line = x & -LINE; line < x + ((<usize>n) << 2); line += LINE) load<i32>(line);
  }
}
