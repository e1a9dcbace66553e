/** What a release relies on: the changelog's form, and that workflows and instructions call what exists. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { check, stamp } from "../scripts/release.mjs";

const read = (file: string): string => readFileSync(file, "utf8");
const WORKFLOWS = ".github/workflows";
const workflows = readdirSync(WORKFLOWS).map((name) => `${WORKFLOWS}/${name}`);

const before = "# Changelog\n\n## [Unreleased]\n\n### Fixed\n\n- This.\n\n## [0.1.0] - 2026-01-01\n\n- That.\n";

test("a release moves what is unreleased under its version and date, and leaves the rest", () => {
  const after = stamp(before, "0.2.0", "2026-02-02");
  assert.is(after, before.replace("[Unreleased]\n", "[Unreleased]\n\n## [0.2.0] - 2026-02-02\n"));
  check(after, "0.2.0", "v0.2.0");
  check(after, "0.1.0", "v0.1.0");
});

test("a release with nothing to say, of a version that is there, or with a tag of another version is an error", () => {
  assert.throws(() => stamp(stamp(before, "0.2.0", "2026-02-02"), "0.3.0", "2026-03-03"), /nothing is under/);
  assert.throws(() => stamp(before, "0.1.0", "2026-02-02"), /0\.1\.0 is there already/);
  assert.throws(() => check(before, "0.1.0", "v0.1.1"), /the tag is v0\.1\.1, package\.json says 0\.1\.0/);
  assert.throws(() => check(before, "0.2.0", "v0.2.0"), /no entry for 0\.2\.0/);
  assert.throws(() => check(before, "0.1", "v0.1"), /no entry/);
});

test("CHANGELOG.md can be released: it has an entry for the version, or something under [Unreleased]", () => {
  const { version } = JSON.parse(read("package.json"));
  const changelog = read("CHANGELOG.md");
  if (changelog.includes(`## [${version}]`)) check(changelog, version, `v${version}`);
  else check(stamp(changelog, version, "2026-02-02"), version, `v${version}`);
});

test("every npm script that workflows, .ci/run and the instructions call exists", () => {
  const { scripts } = JSON.parse(read("package.json"));
  const texts = [...workflows, ".ci/run", "README.md", "CONTRIBUTING.md", "examples/README.md"];
  let calls = 0;
  for (const file of texts) {
    for (const [call, name] of read(file).matchAll(/\bnpm (?:run ([\w:-]+)|(?:start|test)\b)/g)) {
      calls++;
      const script = name ?? call.slice("npm ".length);
      assert.ok(script in scripts, `${file}: "${call}"`);
    }
    for (const [call, script] of read(file).matchAll(/\b(?:node|bash) ((?:scripts|\.ci|examples|bench)\/[\w./-]+)/g)) {
      calls++;
      assert.ok(existsSync(script!), `${file}: "${call}"`);
    }
  }
  assert.ok(calls > 10, `only ${calls} calls were found`);
});

test("workflows run actions by commit, with their version, and only where a maintainer has switched them on", () => {
  assert.equal(workflows.map((file) => file.slice(WORKFLOWS.length + 1)).sort(), ["ci.yml", "publish.yml"]);
  for (const file of workflows) {
    const text = read(file);
    const uses = text.match(/uses: .*/g) ?? [];
    assert.ok(uses.length >= 2, file);
    for (const line of uses) assert.match(line, /^uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, file);
    // A job is a name of two spaces' indent below "jobs:".
    const jobs = text.slice(text.indexOf("\njobs:\n")).match(/^ {2}\w+:$/gm) ?? [];
    assert.is(text.match(/^ {4}if: vars\.\w+ == 'on'$/gm)?.length, jobs.length, file);
    assert.not.match(text, /secrets\./);
  }
});

test("both workflows run .ci/run as root where apt has the browsers, and publishing waits for it; the matrix has every Node of the tests", () => {
  for (const file of workflows)
    assert.match(read(file), /\n {4}container: debian:12\n[\s\S]*\n {6}- run: bash \.ci\/run\n/, file);
  assert.match(read(`${WORKFLOWS}/publish.yml`), /\n {2}publish:\n {4}needs: all\n/);
  const majors = /const MAJORS = (\[.*\]);/.exec(read("scripts/hosts.mjs"))![1]!;
  assert.ok(read(`${WORKFLOWS}/ci.yml`).includes(`node: ${majors}\n`), majors);
});

test("the publish workflow has what provenance needs, and no more", () => {
  const text = read(`${WORKFLOWS}/publish.yml`);
  assert.match(text, /\n {6}contents: read\n(?: {6}#.*\n)* {6}id-token: write\n {4}\w/);
  assert.match(text, /run: npm publish --provenance --access public\n/);
  assert.match(text, /tags: \["v\*\.\*\.\*"\]/);
});

test.run();
