/** With the library "esnext.disposable", instances and tensors are disposable. */
import { createSync } from "laser-attention";
import * as training from "laser-attention/nn";

export function sum(): number {
  using la = createSync();
  using x = la.zeros([2, 3]);
  const disposables: Disposable[] = [la, x, la.zeros([1], "u8")];
  return x.data.reduce((total, value) => total + value, disposables.length);
}

export function attend(): number {
  using nn = training.createSync();
  using cache = new training.AttentionCache(nn, 1, 4, 16);
  using model = new training.Linear(nn, new training.Random(1), 8, 3);
  using optimizer = new training.AdamW(nn, model);
  const disposables: Disposable[] = [nn, cache, model, optimizer];
  return disposables.length;
}
