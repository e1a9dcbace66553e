/**
 * `[Symbol.dispose]`, where the program's types know that symbol: with the library "esnext.disposable", or @types/node. A
 * `declare global` would do so everywhere, but changes the types of the whole program, and JSR takes no package with one.
 */
export type Disposing = SymbolConstructor extends { readonly dispose: infer S extends symbol }
  ? { readonly [name in S]: () => void }
  : Record<never, never>;

/**
 * Gives a class a tag, without which Vue wraps its objects in proxies that private fields refuse, and, where it has `dispose` and the engine
 * has `using`, the name that `using` looks for. To be called before the first instance is made: in the class's own body or behind it, it
 * would be an effect that keeps bundlers from leaving the class out.
 */
export function complete({ prototype }: { readonly prototype: object }, name: string, more = {}): void {
  const { toStringTag, dispose } = Symbol as { toStringTag: symbol; dispose?: symbol };
  if (Object.hasOwn(prototype, toStringTag)) return; // and may be frozen since
  // By its name, so that of a subclass its own is called.
  const using = dispose &&
    "dispose" in prototype && {
      [dispose](this: { dispose(): void }) {
        this.dispose();
      },
    };
  Object.assign(prototype, { [toStringTag]: name, ...more }, using);
}
