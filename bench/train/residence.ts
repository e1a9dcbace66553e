/** The most memory that training takes in a process of its own, of this package and of the peers. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deserialize, serialize } from "node:v8";
import { inChild, mostBytes, reasonOf } from "../peers/child.js";
import { startOf } from "./own.js";
import type { Library, Start } from "./trainer.js";
import { type Workload, workloads } from "./workloads.js";

/** From the second step on peers have their buffers and code in place. */
const STEPS = 3;

export interface Residence {
  workload: string;
  library: string;
  /** Most resident memory above a process that only reads the first parameters. */
  bytes: number;
}

/** What `train.js child memory FILE [LIBRARY WORKLOAD]` does: prints its most resident memory in bytes. */
export async function printResidence(
  libraries: readonly Library[],
  [file, library, name]: readonly string[],
): Promise<void> {
  const start: Start = deserialize(readFileSync(file!));
  if (library !== undefined) {
    const make = await libraries.find((one) => one.name === library)!.open();
    const trainer = await make(workloads.find((one) => one.name === name)!, start);
    for (let n = 0; n < STEPS; n++) await trainer.step();
  }
  console.log(mostBytes());
}

/** A library that dies of it is left out. */
export async function measureResidence(workload: Workload, libraries: readonly Library[]): Promise<Residence[]> {
  const folder = mkdtempSync(join(tmpdir(), "bench-train-"));
  try {
    const file = join(folder, "start");
    writeFileSync(file, serialize(await startOf(workload)));
    const bare = inChild<number>("memory", file);
    return libraries.flatMap(({ name: library }) => {
      try {
        const bytes = inChild<number>("memory", file, library, workload.name) - bare;
        return [{ workload: workload.name, library, bytes }];
      } catch (error) {
        console.error(`${library} failed at ${workload.name}: ${reasonOf(error)}`);
        return [];
      }
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
