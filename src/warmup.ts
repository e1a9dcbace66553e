import { attentionBackward, attentionForward } from "./attention.js";
import type { Engine } from "./engine.js";
import { host } from "./host.js";
import { scope } from "./scope.js";

const LIMIT_MS = 500;

/**
 * Steady: so many rounds in a row without a new best time by more than a twentieth, of one thread and of several, of which each has a part of
 * the calls: engines count those of each. After 10 rounds first calls of two threads at N 197 took 1.20 to 1.24 times as long as later ones,
 * after 20 1.11 to 1.20, after 30 1.10 to 1.13 (`npm run bench -- --filter start`, medians of five processes).
 */
const STEADY_ROUNDS = { one: 10, several: 30 } as const;

/**
 * Forward and backward of both variants at a small shape; causal for the masked tiles. Three heads are work enough for a thread. 70 rows and
 * keys leave a part of a tile at every end, so that the code for it is compiled too: first calls of two threads at N 197 took 1.07 to 1.13
 * times as long as later ones, 1.07 to 1.27 behind a warmup with 64 (`npm run bench -- --filter start`).
 */
function round(engine: Engine, heads: number): void {
  scope(engine.space, () => {
    const x = engine.space.allocate([1, heads, 70, 64], "f32");
    x.data.fill(0.1);
    for (const variant of ["standard", "laser"] as const) {
      for (const causal of [false, true]) {
        const saved = attentionForward(engine, x, x, x, { variant, causal });
        attentionBackward(engine, x, saved);
      }
    }
  });
}

/** Runs rounds until their time is steady. Pauses between them, so that the engine can put compiled code in place. */
export async function warmup(engine: Engine): Promise<void> {
  const { performance } = host;
  const start = performance.now();
  const threads = (await engine.pool?.started()) ?? 1;
  const rounds = threads > 1 ? STEADY_ROUNDS.several : STEADY_ROUNDS.one;
  let best = Number.POSITIVE_INFINITY;
  let steady = 0;
  while (steady < rounds && performance.now() - start < LIMIT_MS && !engine.space.arena.disposed) {
    const before = performance.now();
    round(engine, threads > 1 ? 3 * threads : 2);
    const time = performance.now() - before;
    steady = time < 0.95 * best ? 0 : steady + 1;
    best = Math.min(best, time);
    await new Promise<void>((resolve) => host.setTimeout(resolve, 0));
  }
}
