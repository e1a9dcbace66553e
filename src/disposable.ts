/**
 * `[Symbol.dispose]`, where the program's types know that symbol: with the library "esnext.disposable", or @types/node. A
 * `declare global` would do so everywhere, but changes the types of the whole program, and JSR takes no package with one.
 */
export type Disposing = SymbolConstructor extends { readonly dispose: infer S extends symbol }
  ? { readonly [name in S]: () => void }
  : Record<never, never>;

/**
 * Gives a class `dispose` under the name that `using` looks for, where the engine has it. To be called before the first instance is made:
 * in the class's own body or behind it, it would be an effect that keeps bundlers from leaving the class out.
 */
export function complete({ prototype }: { readonly prototype: { dispose(): void } }): void {
  const { dispose } = Symbol as { dispose?: symbol };
  if (dispose !== undefined) Object.assign(prototype, { [dispose]: prototype.dispose });
}
