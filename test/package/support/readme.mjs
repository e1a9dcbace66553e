// What the README of the installed package tells users to write: tests take it from there, so that a wrong line fails them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { context, fail } from "./context.mjs";

const readme = readFileSync(join(context().installed, "README.md"), "utf8");

const section = (title) =>
  new RegExp(`\n##+ ${title}\n([\\s\\S]*?)(?=\n##|$)`).exec(readme)?.[1] ??
  fail(`the README has no section "${title}"`);

/** The programs of a section, as they stand. */
export const programsOf = (title) => [...section(title).matchAll(/^```js\n([\s\S]*?)^```/gm)].map(([, code]) => code);

/** The HTTP headers that a section shows, by name in small letters. */
export const headersOf = (title) =>
  Object.fromEntries(
    [...section(title).matchAll(/^ {4}([\w-]+): (.*)$/gm)].map(([, name, value]) => [name.toLowerCase(), value]),
  );
