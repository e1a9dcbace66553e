import { operand, rankAtLeast, shapeIs } from "./check-tensor.js";
import { type Engine, producing } from "./engine.js";
import { count, isContiguous } from "./shape.js";
import type { Tensor } from "./tensor.js";

/** Calls `body` with the address of x's elements, row-major: in place, or of a copy when x is a strided view. */
function readable<R>({ space: { arena } }: Engine, x: Tensor, body: (ptr: number) => R): R {
  if (isContiguous(x.shape, x.strides)) return body(x.ptr);
  return arena.borrow(4 * count(x.shape), (ptr) => {
    const elements = x.toArray();
    arena.f32(ptr, elements.length).set(elements);
    return body(ptr);
  });
}

/** One input, one result of the same shape. */
function map(engine: Engine, where: string, x: Tensor, run: (y: number, x: number, n: number) => void): Tensor {
  operand(where, "x", x, "f32", engine.space);
  return producing(engine, (make) => {
    const y = make(x.shape);
    readable(engine, x, (ptr) => run(y.ptr, ptr, count(x.shape)));
    return y;
  });
}

/** A gradient: dout and one saved tensor of the same shape, named as the caller knows it. */
function mapBackward(
  engine: Engine,
  where: string,
  dout: Tensor,
  name: string,
  saved: Tensor,
  run: (dx: number, dy: number, saved: number, n: number) => void,
): Tensor {
  operand(where, name, saved, "f32", engine.space);
  operand(where, "dout", dout, "f32", engine.space);
  shapeIs(where, "dout", dout, saved.shape);
  return producing(engine, (make) => {
    const dx = make(saved.shape);
    readable(engine, dout, (dy) => readable(engine, saved, (s) => run(dx.ptr, dy, s, count(saved.shape))));
    return dx;
  });
}

export const exp = (engine: Engine, x: Tensor): Tensor => map(engine, "exp", x, engine.kernels.exp);

export const expBackward = (engine: Engine, dout: Tensor, out: Tensor): Tensor =>
  mapBackward(engine, "expBackward", dout, "out", out, engine.kernels.expBackward);

export const log = (engine: Engine, x: Tensor): Tensor => map(engine, "log", x, engine.kernels.log);

export const logBackward = (engine: Engine, dout: Tensor, x: Tensor): Tensor =>
  mapBackward(engine, "logBackward", dout, "x", x, engine.kernels.logBackward);

export function softmax(engine: Engine, x: Tensor): Tensor {
  operand("softmax", "x", x, "f32", engine.space);
  rankAtLeast("softmax", "x", x, 1);
  const width = x.shape.at(-1)!;
  return map(engine, "softmax", x, (y, ptr, n) => {
    if (n > 0) engine.kernels.softmax(y, ptr, n / width, width);
  });
}

export function softmaxBackward(engine: Engine, dout: Tensor, out: Tensor): Tensor {
  operand("softmaxBackward", "out", out, "f32", engine.space);
  rankAtLeast("softmaxBackward", "out", out, 1);
  const width = out.shape.at(-1)!;
  return mapBackward(engine, "softmaxBackward", dout, "out", out, (dx, dy, y, n) => {
    if (n > 0) engine.kernels.softmaxBackward(dx, dy, y, n / width, width);
  });
}
