import { test } from "uvu";
import { sameBits } from "./support/bits.js";
import { builds, close, differences, dot, U } from "./support/nn.js";
import { depthwise } from "./support/nn-oracle.js";
import { Random } from "./support/random.js";

const random = new Random(26);

for (const nn of builds) {
  const { kernels } = nn;

  const make = (B: number, T: number, width: number, taps: number) => {
    const data = {
      x: random.normals(B * T * width),
      w: random.normals(width * taps),
      bias: random.normals(width),
      dy: random.normals(B * T * width),
    };
    const [x, w, bias, dy] = [nn.reset().f32(data.x), nn.f32(data.w), nn.f32(data.bias), nn.f32(data.dy)];
    const [y, dx] = [nn.f32(B * T * width), nn.f32(B * T * width)];
    const [dw, dbias] = [nn.f32(width * taps), nn.f32(width)];
    const scratch = nn.f32(kernels.depthwiseScratch(width, taps));
    const sizes = [B, T, width, taps] as const;
    const forward = (withBias = true): void =>
      kernels.depthwise(y.ptr, x.ptr, w.ptr, withBias ? bias.ptr : 0, scratch.ptr, ...sizes);
    const backward = (): void => kernels.depthwiseBackward(dx.ptr, dy.ptr, w.ptr, scratch.ptr, ...sizes);
    const params = (c0: number, c1: number, add: number): void =>
      kernels.depthwiseParams(dw.ptr, dbias.ptr, dy.ptr, x.ptr, scratch.ptr, ...sizes, c0, c1, add);
    return { data, x, y, dx, dw, dbias, forward, backward, params, scratch, w, bias, dy };
  };

  test(`${nn.target} depthwise and its gradients are those of float64, for lengths below and above the taps`, () => {
    for (const [B, T, width, taps] of [
      [2, 0, 3, 3],
      [1, 1, 1, 1],
      [2, 1, 5, 3],
      [2, 2, 4, 7],
      [2, 5, 3, 3],
      [1, 9, 5, 5],
      [2, 13, 17, 3],
      [1, 33, 7, 15],
      [1, 18, 33, 3],
    ] as const) {
      const label = `B ${B} T ${T} width ${width} taps ${taps}`;
      const { data, ...call } = make(B, T, width, taps);
      const run = (x: ArrayLike<number>, w: ArrayLike<number>, bias?: ArrayLike<number>) =>
        depthwise(x, w, bias, B, T, width);
      const sizes = run(data.x.map(Math.abs), data.w.map(Math.abs), data.bias.map(Math.abs));
      call.forward();
      // a chain of taps products
      close(label, call.y.now, run(data.x, data.w, data.bias), (n) => (taps + 1) * U * sizes[n]!);
      call.forward(false);
      close(`${label}, no bias`, call.y.now, run(data.x, data.w), (n) => (taps + 1) * U * sizes[n]!);
      call.backward();
      call.params(0, width, 0);
      const loss = (x: ArrayLike<number>, w: ArrayLike<number>, bias: ArrayLike<number>): number =>
        dot(run(x, w, bias), data.dy);
      const { x, w, bias } = data;
      close(
        "dx",
        call.dx.now,
        differences((moved) => loss(moved, w, bias), x),
        () => (taps + 1) * U * taps * 12,
      );
      // chains of at most 16 products of at most 16, B T / 16 of them
      const bound = 17 * U * 4 * B * T + 1e-8;
      close(
        "dw",
        call.dw.now,
        differences((moved) => loss(x, moved, bias), w),
        () => bound,
      );
      close(
        "dbias",
        call.dbias.now,
        differences((moved) => loss(x, w, moved), bias),
        () => bound,
      );
      nn.intact(label);
    }
  });

  test(`${nn.target} batches by themselves and parts of the channels give the bits of the whole, with add twice as much`, () => {
    for (const width of [1, 4, 19, 37]) {
      const [B, T, taps] = [3, 21, 5];
      const call = make(B, T, width, taps);
      call.forward();
      call.backward();
      call.params(0, width, 0);
      const [y, dx, dw, dbias] = [call.y, call.dx, call.dw, call.dbias].map((block) => block.now.slice());
      for (const block of [call.y, call.dx, call.dw, call.dbias]) block.now.fill(Number.NaN);
      for (const b of [1, 0, 2]) {
        const at = 4 * b * T * width;
        const { x, w, bias, scratch, dy } = call;
        kernels.depthwise(call.y.ptr + at, x.ptr + at, w.ptr, bias.ptr, scratch.ptr, 1, T, width, taps);
        kernels.depthwiseBackward(call.dx.ptr + at, dy.ptr + at, w.ptr, scratch.ptr, 1, T, width, taps);
      }
      const cuts = [0, Math.floor(width / 3), Math.floor(width / 2), width];
      for (let n = 0; n < 3; n++) call.params(cuts[n]!, cuts[n + 1]!, 0);
      sameBits("y", call.y.now, y!);
      sameBits("dx", call.dx.now, dx!);
      sameBits("dw", call.dw.now, dw!);
      sameBits("dbias", call.dbias.now, dbias!);
      call.params(0, width, 1);
      close(
        "dw added",
        call.dw.now,
        dw!.map((value) => 2 * value),
        (n) => 4 * U * Math.abs(dw![n]!),
      );
      close(
        "dbias added",
        call.dbias.now,
        dbias!.map((value) => 2 * value),
        (n) => 4 * U * Math.abs(dbias![n]!),
      );
      nn.intact("splits");
    }
  });

  test(`${nn.target} what lies beyond an end is left out: NaN elsewhere does not come in, NaN inside reaches its taps alone`, () => {
    const [T, width, taps] = [9, 2, 3];
    const call = make(1, T, width, taps);
    call.x.now[4 * width] = Number.NaN;
    call.forward();
    const hit = Array.from(call.y.now, (value, n) => (Number.isNaN(value) ? n : -1)).filter((n) => n >= 0);
    sameBits("hit", hit, [3 * width, 4 * width, 5 * width]);
  });
}

test.run();
