/**
 * `[Symbol.dispose]`, where the program's types know that symbol: with the library "esnext.disposable", or @types/node. A
 * `declare global` would do so everywhere, but changes the types of the whole program, and JSR takes no package with one.
 */
export type Disposing = SymbolConstructor extends { readonly dispose: infer S extends symbol }
  ? { readonly [name in S]: () => void }
  : Record<never, never>;

/**
 * What a class can't say in its own body: its name, which messages show and minifiers take away, and `dispose` under the name that
 * `using` looks for, where the engine has it: elsewhere a method declared so would be named "undefined".
 */
export function complete(type: { readonly prototype: { dispose(): void } }, name: string): void {
  Object.defineProperty(type, "name", { value: name, configurable: true });
  const { dispose } = Symbol as { dispose?: symbol };
  if (dispose === undefined) return;
  Object.defineProperty(type.prototype, dispose, { value: type.prototype.dispose, configurable: true });
}
