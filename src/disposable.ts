/**
 * `[Symbol.dispose]`, where the program's types know that symbol: with the library "esnext.disposable", or @types/node. A
 * `declare global` would do so everywhere, but changes the types of the whole program, and JSR takes no package with one.
 */
export type Disposing = SymbolConstructor extends { readonly dispose: infer S extends symbol }
  ? { readonly [name in S]: () => void }
  : Record<never, never>;

/**
 * `dispose` under the name that `using` looks for, where the engine has it: elsewhere a method declared so would be named
 * "undefined". Outside the class, whose name a bundler would change if a static block used it.
 */
export function makeDisposable(prototype: { dispose(): void }): void {
  const { dispose } = Symbol as { dispose?: symbol };
  if (dispose === undefined) return;
  Object.defineProperty(prototype, dispose, { value: prototype.dispose, configurable: true });
}
