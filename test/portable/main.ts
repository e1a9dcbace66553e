/** All portable tests as one function, which each host's program calls (programs/). */
import { type Expected, enter } from "./support/expected.js";

/** Threads come first: what they warn about is said once only. */
const files = [
  () => import("./threads.test.js"),
  () => import("./entries.test.js"),
  () => import("./bits.test.js"),
  () => import("./relaxed.test.js"),
  () => import("./training.test.js"),
];

/** A file's tests, as uvu leaves them in its queue. */
type Suite = () => Promise<[errors: string | true, ran: number, skipped: number, all: number]>;

export interface Outcome {
  /** Which host this was, by its own account. */
  readonly runtime: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly errors: readonly string[];
}

export async function runAll(expected: Expected): Promise<Outcome> {
  const { host, version } = enter(expected);
  // uvu looks at these when it is loaded: it leaves the tests in the queue and does not start them by itself.
  const queue: Suite[] = [];
  Object.assign(globalThis, { UVU_DEFER: 1, UVU_INDEX: 0, UVU_QUEUE: [queue] });
  const total = { passed: 0, failed: 0, skipped: 0 };
  const errors: string[] = [];
  for (const load of files) {
    await load();
    const suites = queue.splice(0);
    if (suites.length === 0) throw new Error("a file without test.run()");
    for (const suite of suites) {
      const [failures, ran, skipped, all] = await suite();
      total.passed += ran;
      total.failed += all - ran;
      total.skipped += skipped;
      if (typeof failures === "string") errors.push(failures);
    }
  }
  return { runtime: `${host} ${version}`, ...total, errors };
}
