// What editors show: every public name of the installed package is documented, and the examples there compile and run.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import ts from "typescript";
import { context, here, root, succeed } from "./support/context.mjs";
import { publicNames } from "./support/public-names.mjs";

const { folder, project, installed } = context();
const names = publicNames(installed);
const exported = names.filter((name) => name.exported);
const paths = (list) => list.map(({ path }) => path);

test("every public name says what it is; every export, function and method has an example", () => {
  assert.ok(exported.length >= 80 && names.length >= 240, `${exported.length} exports, ${names.length} names`);
  assert.deepEqual(paths(names.filter(({ documentation }) => documentation.length < 10)), []);
  const wanted = names.filter(({ exported, callable }) => exported || callable);
  assert.deepEqual(paths(wanted.filter(({ examples }) => examples.length === 0)), []);
});

/** Callables that say nothing of errors, by the reason. */
const NEVER_THROWS = {
  "takes nothing": [
    ...["models/index.byteTokenizer", "nn/index.Module#eval"],
    ...["bits", "uniform", "normal", "truncatedNormal"].map((name) => `nn/index.Random#${name}`),
  ],
  "may be called at any time, and again": ["index.Tensor", "nn/index.AttentionCache", "nn/index.Nn"].map(
    (name) => `${name}#dispose`,
  ),
  "is written by the caller": [
    ...["index.Answer#arrayBuffer", "nn/index.Operation#backward", "nn/index.Operation#forward"],
  ],
};

test("every public function, method and constructor says what it throws, but for a list of those that throw nothing", () => {
  const comments = Object.assign({}, ...names.map(({ comments }) => comments));
  const says = (path) => /@throws|\b[Tt]hrows\b|\bRejects\b/.test(comments[path]);
  const forAll = names.filter(({ documentation }) => /^Every method throws\b/m.test(documentation));
  const covered = new Set(paths(forAll));
  const silent = Object.keys(comments).filter((path) => !says(path) && !covered.has(path.split("#")[0]));
  assert.ok(Object.keys(comments).length >= 120, `${Object.keys(comments).length} callables`);
  assert.deepEqual(silent.sort(), Object.values(NEVER_THROWS).flat().sort());
});

test("the programs that the type tests compile use every export and method", () => {
  const text = ["consumer", "training", "data"]
    .map((name) => readFileSync(join(here, `types/${name}.ts`), "utf8"))
    .join("\n");
  const wanted = names.filter(({ exported, callable }) => exported || callable);
  assert.deepEqual(paths(wanted.filter(({ name }) => !new RegExp(`\\b${name}\\b`).test(text))), []);
});

/** What examples may use without saying so, beside the exports of the main entry. */
const PRELUDE = `import { createSync } from "laser-attention";
export const la = createSync();
export const [B, H, N, D] = [1, 2, 5, 8] as const;
const random = () => la.tensor(Float32Array.from({ length: B * H * N * D }, () => Math.random() - 0.5), [B, H, N, D]);
export const [q, k, v, dout] = [random(), random(), random(), random()] as const;
`;
/** The same for the entries of training: x is [2, 5, 8]. */
const TRAINING = `import { gpt } from "laser-attention/models";
import { AdamW, createSync, Random } from "laser-attention/nn";
export const nn = createSync({ threads: 1 });
export const random = new Random(1);
export const x = nn.input(random.normals(80), [2, 5, 8]);
export const keep = nn.la.tensor(Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 1, 1, 0), [2, 5]);
export const model = gpt(nn, { vocabulary: 24, context: 8, width: 16, heads: 2, layers: 1, variant: "laser" });
export const optimizer = new AdamW(nn, model);
export const [ids, targets] = [[[1, 2, 3]], [[2, 3, 4]]] as const;
`;
const PRELUDES = [
  { name: "prelude", text: PRELUDE, values: ["la", "B", "H", "N", "D", "q", "k", "v", "dout"] },
  {
    ...{ name: "training", text: TRAINING },
    values: ["nn", "random", "x", "keep", "model", "optimizer", "ids", "targets"],
  },
];

/** Exports that an example of an entry may use without importing them, with the module that they come from. */
const from = (module, entry) =>
  exported.filter(({ path }) => path.startsWith(`${entry}.`)).map((name) => ({ ...name, module }));
const MAIN = from("laser-attention", "index");
const NN = [...from("laser-attention/nn", "nn/index"), ...from("laser-attention/models", "models/index")];

/** An example as a module: its imports, then its lines in a function, which may declare anew what the prelude has. */
function moduleOf(path, example) {
  const training = path.includes("/");
  const prelude = PRELUDES[training ? 1 : 0];
  const lines = example.split("\n");
  const imports = lines.filter((line) => line.startsWith("import "));
  const body = lines.filter((line) => !line.startsWith("import "));
  const imported = imports.map((line) => line.split(" from ")[0]).join(" ");
  const has = (text, name) => new RegExp(`(?<![.\\w])${name}\\b`).test(text);
  const free = (name) => has(body.join("\n"), name) && !has(imported, name);
  const used = (training ? NN : MAIN).filter(({ name }) => free(name));
  return [
    ...imports,
    ...used.map(({ name, value, module }) => `import ${value ? "" : "type "}{ ${name} } from "${module}";`),
    `import { ${prelude.values.filter(free).join(", ")} } from "./${prelude.name}.js";`,
    "export async function example() {",
    ...body.map((line) => `  ${line}`),
    "}",
    "",
  ].join("\n");
}

const cwd = join(folder, "examples");
mkdirSync(cwd);
cpSync(join(project, "node_modules"), join(cwd, "node_modules"), { recursive: true });
const sources = names.flatMap(({ path, examples }, n) =>
  examples.map((text, index) => ({
    name: `${n}.${path.replace(/[#/]/g, ".")}.${index}`, // numbered: bert and Bert are one file to some systems
    text,
    code: moduleOf(path, text),
  })),
);
const preludes = PRELUDES.map(({ name, text }) => ({ name, text, code: text }));
sources.push(...preludes);
writeFileSync(join(cwd, "package.json"), JSON.stringify({ type: "module" }));
for (const { name, code } of sources) writeFileSync(join(cwd, `${name}.ts`), code);

test("every example compiles", () => {
  const files = sources.map(({ name }) => join(cwd, `${name}.ts`));
  const program = ts.createProgram(files, {
    ...{ strict: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext },
    ...{ types: ["node"], typeRoots: [join(root, "node_modules/@types")], outDir: join(cwd, "built") },
  });
  const { diagnostics } = program.emit();
  const text = ts.formatDiagnostics([...ts.getPreEmitDiagnostics(program), ...diagnostics], {
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: () => cwd,
    getNewLine: () => "\n",
  });
  assert.equal(text, "");
});

test("every example runs in Node, but for those that fetch from a site or import a .wasm file as a module", async () => {
  const runnable = sources.filter(
    (source) => !preludes.includes(source) && !/fetch\(|import .*\.wasm"/.test(source.text),
  );
  assert.ok(runnable.length > 0.8 * sources.length, `${runnable.length} of ${sources.length}`);
  const lines = runnable.map(({ name }) => `await (await import("./${name}.js")).example();\nconsole.log("${name}");`);
  writeFileSync(join(cwd, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(join(cwd, "built/all.js"), lines.join("\n"));
  const stdout = await succeed(process.execPath, ["built/all.js"], { cwd });
  const printed = new Set(stdout.split("\n")); // examples print lines of their own
  assert.deepEqual(
    runnable.filter(({ name }) => !printed.has(name)).map(({ name }) => name),
    [],
  );
});
