/** Seeded random numbers, the same in every runtime: mulberry32, and normal deviates by Box and Muller. */
export class Random {
  constructor(private state: number) {}

  /** Uniform in [0, 1). */
  uniform(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Integer in [0, n). */
  int(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.int(choices.length)]!;
  }

  chance(p: number): boolean {
    return this.uniform() < p;
  }

  /** float32 normal deviates. */
  normals(count: number, deviation = 1, mean = 0): Float32Array {
    const x = new Float32Array(count);
    for (let n = 0; n < count; n++) x[n] = mean + deviation * this.normal();
    return x;
  }

  /** A permutation of 0 .. n - 1. */
  permutation(n: number): number[] {
    const order = Array.from({ length: n }, (_, j) => j);
    for (let j = n - 1; j > 0; j--) {
      const other = this.int(j + 1);
      [order[j], order[other]] = [order[other]!, order[j]!];
    }
    return order;
  }
}
