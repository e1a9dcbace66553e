/** The data of a family, with a hash: results on other data are other results. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { readData } from "../../src/cli/data.js";
import type { Data, FamilyName } from "../../src/train/index.js";

export interface Source {
  content: Data;
  hash: string;
}

const places: Readonly<Record<FamilyName, string>> = {
  lm: "tinyshakespeare/input.txt",
  bert: "tinyshakespeare/input.txt",
  vit: "cifar10",
  conformer: "fsdd",
};

/** The files at or below a path, in one order everywhere. */
function filesOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesOf(join(path, name)));
}

/** @param folder has tinyshakespeare/input.txt, cifar10/ and fsdd/ */
export function readSource(family: FamilyName, folder: string): Source {
  const path = join(folder, places[family]);
  const content = readData(family, path); // says what is missing, and where to get it
  const hash = createHash("sha256");
  for (const file of filesOf(path)) hash.update(readFileSync(file));
  return { content, hash: hash.digest("hex") };
}
