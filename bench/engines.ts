/** The same bundle in Deno, in Bun and with V8's experimental 256-bit vectors, against the peak that this Node measured. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { hosted } from "../scripts/hosted.mjs";
import { interleave } from "./measure.js";
import { openPeaks, PEAK_FLOPS } from "./peak.js";
import { percent } from "./report.js";
import type { Row } from "./run.js";
import { engineShares } from "./targets.js";

export interface EngineResult {
  runtime: string;
  rows: (Row & { shareOfNode: number })[];
}

const program = fileURLToPath(import.meta.url);
const deno = "node_modules/deno/bin.cjs";
/** The Bun of the tests; without it the one on the path. */
const bun = hosted("test/hosts", "bun")?.file ?? "bun";

const commands: Readonly<Record<string, { file: string; args: string[] } | undefined>> = {
  deno: existsSync(deno)
    ? { file: process.execPath, args: [deno, "run", "--no-config", "--no-lock", "-R", "-W", "-E", "--allow-sys"] }
    : undefined,
  bun: { file: bun, args: ["run"] },
  "256 bits": { file: process.execPath, args: ["--experimental-wasm-revectorize"] },
};

/** The fastest peak loop of this Node, now. */
async function peakRate(time: number): Promise<number> {
  const loops = await interleave(await openPeaks(), time);
  return PEAK_FLOPS / Math.min(...loops.map(({ summary }) => summary.median)) / 1e6;
}

/** ViT and LM: what the targets are about. */
const FILTERS = ["ViT", "LM H 12"];

/** Prints a line a call, and returns what is below the engine's target. */
function print(name: string, { runtime, rows }: EngineResult, peak: number): string[] {
  console.log(`\n${runtime}, share of the ${peak.toFixed(1)} GFLOP/s that Node reaches`);
  for (const line of new Set(rows.map(({ name }) => name))) {
    const cells = rows.filter((row) => row.name === line).map((row) => `${row.build} ${percent(row.shareOfNode)}`);
    console.log(`    ${line.padEnd(48)}${cells.join("  ")}`);
  }
  const least = engineShares[name] ?? 0;
  const low = rows.filter((row) => row.build === "relaxed" && row.shareOfNode < least);
  if (low.length > 0) console.log(`    MISS: ${low.length} below ${percent(least)}`);
  return low.map((row) => `${name}: ${row.name}: ${percent(row.shareOfNode)} of Node's peak`);
}

export async function measureEngines(time: number, misses: string[]): Promise<EngineResult[]> {
  const results: EngineResult[] = [];
  const folder = mkdtempSync(join(tmpdir(), "laser-bench-"));
  for (const [name, command] of Object.entries(commands)) {
    for (const filter of FILTERS) {
      const json = join(folder, `${name}.json`);
      const args = [program, "--filter", filter, "--time", String(time), "--json", json];
      const peak = await peakRate(time);
      try {
        if (!command) throw new Error("not installed");
        await promisify(execFile)(command.file, [...command.args, ...args]);
      } catch (error) {
        console.log(`\n${name}: not measured: ${(error as Error).message.split("\n")[0]}`);
        break;
      }
      const { runtime, rows } = JSON.parse(readFileSync(json, "utf8")) as { runtime: string; rows: Row[] };
      const result = { runtime, rows: rows.map((row) => ({ ...row, shareOfNode: row.rate / peak })) };
      misses.push(...print(name, result, peak));
      results.push(result);
    }
  }
  rmSync(folder, { recursive: true });
  return results;
}
