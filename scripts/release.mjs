// node scripts/release.mjs ready|stamp|check [TAG], of which `npm version` runs the first two and the publish workflow the third.
//   ready  CHANGELOG.md has something under [Unreleased]
//   stamp  what is under [Unreleased] goes under the version of package.json, with today's date; jsr.json gets that version
//   check  TAG is the version of package.json, and CHANGELOG.md has an entry for it
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const UNRELEASED = "## [Unreleased]\n";

/** The text from one heading of a version to the next. */
function entry(changelog, heading) {
  const start = changelog.indexOf(heading);
  if (start < 0) return "";
  const text = changelog.slice(start + heading.length);
  return text.slice(0, `${text}\n## [`.indexOf("\n## [")).trim();
}

export function ready(changelog) {
  if (entry(changelog, UNRELEASED) === "") throw new Error("CHANGELOG.md: nothing is under [Unreleased]");
}

export function stamp(changelog, version, date) {
  ready(changelog);
  if (changelog.includes(`\n## [${version}]`)) throw new Error(`CHANGELOG.md: ${version} is there already`);
  return changelog.replace(UNRELEASED, `${UNRELEASED}\n## [${version}] - ${date}\n`);
}

export function check(changelog, version, tag) {
  if (tag !== `v${version}`) throw new Error(`the tag is ${tag}, package.json says ${version}`);
  const heading = new RegExp(`^## \\[${version.replaceAll(".", "\\.")}\\] - \\d{4}-\\d{2}-\\d{2}\n`, "m");
  const found = heading.exec(changelog)?.[0];
  if (found === undefined || entry(changelog, found) === "") throw new Error(`CHANGELOG.md: no entry for ${version}`);
}

function main([command, tag]) {
  const changelog = readFileSync("CHANGELOG.md", "utf8");
  const { version } = JSON.parse(readFileSync("package.json", "utf8"));
  if (command === "ready") ready(changelog);
  else if (command === "stamp") {
    writeFileSync("CHANGELOG.md", stamp(changelog, version, new Date().toISOString().slice(0, 10)));
    const jsr = readFileSync("jsr.json", "utf8");
    writeFileSync("jsr.json", jsr.replace(/"version": "[^"]*"/, `"version": "${version}"`));
  } else if (command === "check") check(changelog, version, tag);
  else throw new Error("usage: node scripts/release.mjs ready|stamp|check [TAG]");
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) main(process.argv.slice(2));
