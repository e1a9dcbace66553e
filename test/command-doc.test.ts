/** docs/command.md, and the README's lines, against what --help of each command says. */
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ok } from "./support/command.js";

const page = readFileSync("docs/command.md", "utf8");

/** The options that a page or a line names. */
const named = (text: string): string[] => [...new Set(text.match(/(?<=^|[\s`])--[a-z][a-z-]*/gm))].sort();

/** The options that a help lists, each at the beginning of a line. */
const listed = (help: string): string[] => [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, name]) => name!);

test("docs/command.md has every command and every option, and it and the README no others", async () => {
  const help = await ok("--help");
  const commands = [...help.slice(help.indexOf("Commands:")).matchAll(/^ {2}([a-z]+) /gm)]
    .map(([, name]) => name!)
    .filter((name) => name !== "help");
  const rows = [...page.matchAll(/^\| `([a-z]+)[^`]*` \|/gm)].map(([, name]) => name!);
  assert.equal(rows.slice(0, commands.length), commands);
  const options = new Map<string, string[]>();
  for (const name of commands) options.set(name, listed(await ok(name, "--help")));
  const every = new Set([...listed(help), ...[...options.values()].flat()]);
  assert.equal(named(page), [...every].sort());
  const lines = [page, readFileSync("README.md", "utf8")].map((text) => [
    ...text.matchAll(/^ {4}npx laser-attention ([a-z]+) (.*)$/gm),
  ]);
  assert.ok(lines.every((all) => all.length > 2));
  for (const [line, name, rest] of lines.flat()) {
    for (const option of named(rest!)) assert.ok(options.get(name!)?.includes(option), `${line}: ${option}`);
  }
});

test.run();
