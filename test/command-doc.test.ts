/** docs/command.md against what --help of each command says. */
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ok } from "./support/command.js";

const page = readFileSync("docs/command.md", "utf8");

/** The long options in a text. */
const optionsIn = (text: string): string[] => [...new Set(text.match(/(?<=^|[\s`])--[a-z][a-z-]*/gm))].sort();

/** What the rows of its tables begin with; those of the first table are commands. */
const rows = [...page.matchAll(/^\| `([a-z]+)[^`]*` \|/gm)].map(([, name]) => name!);

test("docs/command.md has every command and every option, and none that there isn't", async () => {
  const help = await ok("--help");
  const listed = [...help.slice(help.indexOf("Commands:")).matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name!);
  const known = listed.filter((name) => name !== "help");
  assert.equal(rows.slice(0, known.length), known);
  const all = new Map<string, string[]>();
  for (const name of known) all.set(name, optionsIn(await ok(name, "--help")));
  const every = [...new Set([...all.values()].flat())].filter((name) => name !== "--help").sort();
  assert.equal(
    optionsIn(page).filter((name) => name !== "--help"),
    every,
  );
  const lines = [...page.matchAll(/^ {4}npx laser-attention ([a-z]+) (.*)$/gm)];
  assert.ok(lines.length >= 9, `${lines.length} lines`);
  for (const [line, name, rest] of lines) {
    for (const option of optionsIn(rest!)) assert.ok(all.get(name!)!.includes(option), `${line}: ${option}`);
  }
});

test.run();
