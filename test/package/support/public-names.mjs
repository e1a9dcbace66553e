// The public names of the installed package, with what their declarations document.
import { join } from "node:path";
import ts from "typescript";
import { ENTRIES } from "../../../scripts/ship.mjs";

/**
 * Everything public: exports, and members of exported classes and interfaces, as { name, value, callable, documentation, examples,
 * comments }. `comments` are what is said of errors, examples left out: of a callable, and of the constructor of a class.
 * Names that mean the same in every entry are listed once.
 */
export function publicNames(installed) {
  const files = ENTRIES.map((name) => join(installed, "dist", `${name}.d.ts`));
  const program = ts.createProgram(files, { lib: ["lib.es2022.d.ts"], types: [], strict: true });
  const checker = program.getTypeChecker();
  const seen = new Set();
  const found = [];
  const add = (symbol, path, alias) => {
    if (seen.has(symbol)) return;
    seen.add(symbol);
    const tags = symbol.getJsDocTags(checker).filter(({ name }) => name === "example");
    const made = symbol.members?.get("__constructor");
    const callable = calls(checker, symbol);
    found.push({
      path,
      name: symbol.name,
      exported: !path.includes("#"),
      value: (symbol.flags & ts.SymbolFlags.Value) !== 0 && !typeOnly(alias),
      callable,
      documentation: prose(checker, symbol),
      examples: tags.map(({ text }) => ts.displayPartsToString(text)),
      comments: {
        ...(callable && { [path]: comment(checker, symbol) }),
        ...(made && { [`new ${path}`]: comment(checker, made) }),
      },
    });
    for (const member of members(symbol)) add(member, `${path}#${member.name}`);
  };
  for (const [index, file] of files.entries()) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(file));
    for (const symbol of checker.getExportsOfModule(module)) {
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      add(target, `${ENTRIES[index]}.${symbol.name}`, symbol);
    }
  }
  return found;
}

/** A function, a method, or a constant that holds a function. */
function calls(checker, symbol) {
  if ((symbol.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Method)) !== 0) return true;
  return (
    (symbol.flags & ts.SymbolFlags.Variable) !== 0 && checker.getTypeOfSymbol(symbol).getCallSignatures().length > 0
  );
}

const prose = (checker, symbol) => ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim();

/** The whole comment, its tags by name, without examples. */
const comment = (checker, symbol) =>
  [
    prose(checker, symbol),
    ...symbol
      .getJsDocTags(checker)
      .filter(({ name }) => name !== "example")
      .map(({ name, text }) => `@${name} ${ts.displayPartsToString(text)}`),
  ].join("\n");

/** Whether an entry exports a name as a type only: a class whose objects are made by a function. */
const typeOnly = (alias) =>
  (alias?.declarations ?? []).some(
    (node) => ts.isExportSpecifier(node) && (node.isTypeOnly || node.parent.parent.isTypeOnly),
  );

/** Members of a class or an interface that its users see. */
function members(symbol) {
  const all = [...(symbol.members?.values() ?? [])];
  const hidden = ts.SymbolFlags.TypeParameter | ts.SymbolFlags.Constructor;
  return all.filter(({ flags, name }) => (flags & hidden) === 0 && !/^(__|#)/.test(name));
}
