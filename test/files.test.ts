/** What the command does with files, and which errors it shows as one line. */
import fs, { linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { chart } from "../src/cli/chart.js";
import {
  complain,
  isOfUser,
  print,
  printJson,
  removeHalves,
  shellWord,
  UserError,
  write,
  writeWhole,
} from "../src/cli/files.js";
import { gpt } from "../src/models/index.js";
import { createSync } from "../src/nn/index.js";
import { replacing } from "./support/host.js";

const caught = (call: () => unknown): unknown => {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
};

test("a file that can't be written whole leaves nothing behind", () => {
  const folder = mkdtempSync(join(tmpdir(), "laser-attention-"));
  const path = join(folder, "deep/file");
  writeWhole(path, "all of it");
  assert.is(readFileSync(path, "utf8"), "all of it");
  mkdirSync(join(folder, "taken"));
  assert.ok(caught(() => writeWhole(join(folder, "taken"), "no file can have this name")) instanceof UserError);
  assert.ok(caught(() => writeWhole(join(path, "below a file"), "")) instanceof UserError);
  assert.equal(readdirSync(folder).sort(), ["deep", "taken"]);
  assert.equal(readdirSync(join(folder, "deep")), ["file"]);
  rmSync(folder, { recursive: true });
});

test("a file is not written through a link that has the name of its first half; what is left of an own half is no obstacle", () => {
  const folder = mkdtempSync(join(tmpdir(), "laser-attention-"));
  const [path, victim] = [join(folder, "file"), join(folder, "victim")];
  const half = `${path}.${process.pid}.new`;
  writeFileSync(victim, "kept");
  linkSync(victim, half);
  writeWhole(path, "new");
  writeFileSync(half, "of a process before with this number");
  writeWhole(path, "newer");
  assert.is(readFileSync(victim, "utf8"), "kept");
  assert.is(readFileSync(path, "utf8"), "newer");
  assert.equal(readdirSync(folder).sort(), ["file", "victim"]);
  rmSync(folder, { recursive: true });
});

const inNode = "Deno" in globalThis ? test.skip : test; // Deno's imports of node:fs can't be replaced
inNode(
  "a file that another program has open is replaced when that lets go of it, as Windows asks for; what stays in the way is an error",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "laser-attention-"));
    const path = join(folder, "file");
    const { renameSync } = fs;
    const during = async (codes: readonly string[], call: () => void, platform = "win32"): Promise<number> => {
      let asked = 0;
      const refuse = (...names: [string, string]): void => {
        const code = codes[asked++];
        if (code !== undefined) throw Object.assign(new Error(code), { code });
        renameSync(...names);
      };
      await replacing(fs, { renameSync: refuse }, () =>
        replacing(Atomics, { wait: () => "timed-out" }, () =>
          replacing(process, { platform }, () => {
            syncBuiltinESMExports();
            call();
          }),
        ),
      );
      syncBuiltinESMExports();
      return asked;
    };
    assert.is(await during(["EPERM", "EBUSY", "EACCES"], () => writeWhole(path, "all of it")), 4);
    assert.is(readFileSync(path, "utf8"), "all of it");
    const refused = () =>
      assert.match(`${caught(() => writeWhole(path, "more"))}`, /cannot write .* \((EXDEV|EBUSY)\)$/);
    assert.is(await during(["EXDEV"], refused), 1);
    assert.is(await during(Array(1000).fill("EBUSY"), refused), 30);
    assert.is(await during(["EBUSY"], refused, "linux"), 1, "elsewhere it is no matter of time");
    assert.is(readFileSync(path, "utf8"), "all of it");
    assert.equal(readdirSync(folder), ["file"]);
    rmSync(folder, { recursive: true });
  },
);

test("a path is one word for a shell, of Windows too, where a backslash at its end would quote the quote", async () => {
  assert.equal(["runs/a-1", "it's", "a b"].map(shellWord), ["runs/a-1", "'it'\\''s'", "'a b'"]);
  await replacing(process, { platform: "win32" }, () =>
    assert.equal(["a b", "C:\\my runs\\"].map(shellWord), ['"a b"', '"C:\\my runs\\\\"']),
  );
});

test("what another user's process is writing is left alone: to ask for it is not allowed, so it is there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "laser-attention-"));
  writeFileSync(join(folder, "file.1.new"), "");
  const left = async (code: string): Promise<string[]> => {
    const kill = () => {
      throw Object.assign(new Error(code), { code });
    };
    await replacing(process, { kill }, () => removeHalves(join(folder, "file")));
    return readdirSync(folder);
  };
  assert.equal(await left("EPERM"), ["file.1.new"]);
  assert.equal(await left("ESRCH"), []);
  rmSync(folder, { recursive: true });
});

test("what a terminal would obey is escaped in names and errors, in a model's text for a terminal only; JSON has the same value", async () => {
  const text = "\0\x1b[2J\r\x7f\x9b\u202e\u2066 \t\n caf\u00e9 \u{1f600}";
  const shown = "\\u0000\\u001b[2J\\u000d\\u007f\\u009b\\u202e\\u2066 \t\n caf\u00e9 \u{1f600}";
  const said = async (isTTY: boolean, call: () => void): Promise<string> => {
    const parts: string[] = [];
    const stream = { isTTY, write: (part: string) => parts.push(part) > 0 } as object;
    await replacing(process.stdout, stream, () => replacing(process.stderr, stream, call));
    return parts.join("");
  };
  for (const isTTY of [true, false]) {
    assert.is(await said(isTTY, () => print(text)), `${shown}\n`);
    const line = shown.replace("\t", "\\u0009").replace("\n", "\\u000a"); // of an error that is the user's: one
    assert.is(await said(isTTY, () => complain(new UserError(text))), `laser-attention: ${line}\n`);
    assert.match(await said(isTTY, () => complain(new Error(text))), shown);
    assert.is(await said(isTTY, () => write(text)), isTTY ? shown : text);
    const json = await said(isTTY, () => printJson({ text }));
    assert.equal(JSON.parse(json), { text });
    assert.not.match(json.trimEnd(), /[\p{Cc}\u202e]/u);
  }
  process.exitCode = 0;
});

test("a chart takes more points than a call takes arguments", () => {
  const points = Array.from({ length: 200_000 }, (_, n) => [n, n % 7] as const);
  assert.match(chart("loss", [{ name: "laser", points }]), />1.00e\+5<|>100000</);
});

test("what checks say of an input is the user's, what the engine throws is not", () => {
  const nn = createSync({ threads: 1, maxMemory: 2 ** 20 });
  const config = { vocabulary: 3, context: 4, width: 8, heads: 2, layers: 1, variant: "laser" as const };
  const overflow = (): number => 1 + overflow();
  const none = undefined as unknown as { length: number };
  assert.ok(isOfUser(new UserError("no such file")));
  for (const call of [
    () => gpt(nn, { ...config, heads: 3 }),
    () => gpt(nn, { ...config, width: "8" as never }),
    () => nn.la.empty([2 ** 20]),
  ])
    assert.ok(isOfUser(caught(call)), `${caught(call)}`);
  for (const call of [
    overflow,
    () => new Array(-1),
    () => none.length,
    () => new Float32Array(2 ** 53),
    () => 1n + (1 as never),
  ])
    assert.not(isOfUser(caught(call)), `${caught(call)}`);
  assert.not(isOfUser(new Error("cli: an error of its own")));
  nn.dispose();
});

test.run();
