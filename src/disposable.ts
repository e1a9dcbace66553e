/**
 * `[Symbol.dispose]`, where the program's types know that symbol: with the library "esnext.disposable", or @types/node. A
 * `declare global` would do so everywhere, but changes the types of the whole program, and JSR takes no package with one.
 */
export type Disposing = SymbolConstructor extends { readonly dispose: infer S extends symbol }
  ? { readonly [name in S]: () => void }
  : Record<never, never>;

/**
 * What a class can't say in its own body without an effect that keeps bundlers from leaving it out: `dispose` under the name that `using` looks
 * for, where the engine has it, and `toString` under that which consoles of servers look for. To be called before the first instance is
 * given to anybody.
 */
export function complete({ prototype }: { readonly prototype: { dispose(): void; toString(): string } }): void {
  const { dispose } = Symbol as { dispose?: symbol };
  const inspect = Symbol.for("nodejs.util.inspect.custom");
  for (const [name, value] of [
    [dispose, prototype.dispose],
    [inspect, prototype.toString],
  ] as const) {
    if (name !== undefined) Object.defineProperty(prototype, name, { value, configurable: true });
  }
}
