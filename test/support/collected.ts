/** Collects garbage and lets finalization callbacks run, until `done` or after two seconds. */
export async function collected(done: () => boolean): Promise<boolean> {
  const { gc } = globalThis as { gc?: () => void };
  // What `done` looks at through a WeakRef is kept until its turn of the event loop ends: collecting comes in the next one.
  const pause = () => new Promise((resolve) => setTimeout(resolve, 10));
  for (let round = 0; round < 100 && !done(); round++) {
    await pause();
    gc?.();
    await pause();
  }
  return done();
}
