import { test } from "uvu";
import { sameBits } from "./support/bits.js";
import { builds, close, differences, dot, U } from "./support/nn.js";
import { norm } from "./support/nn-oracle.js";
import { Random } from "./support/random.js";

const random = new Random(22);
const EPS = 1e-5;
const WIDTHS = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 128];
const largest = (x: ArrayLike<number>): number => Math.max(0, ...Array.from(x, Math.abs));

for (const nn of builds) {
  for (const layer of [true, false]) {
    const name = layer ? "layerNorm" : "rmsNorm";

    /** The arrays of one call, and the calls on rows [r0, r1) and columns [c0, c1). */
    const make = (rows: number, width: number, x: Float32Array) => {
      const data = {
        x,
        dy: random.normals(x.length),
        gamma: random.normals(width, 0.3, 1),
        beta: random.normals(width),
      };
      nn.reset();
      const [y, dx, base] = [nn.f32(x.length), nn.f32(x.length), nn.f32(x.length)];
      const [mean, rstd] = [nn.f32(rows), nn.f32(rows)];
      const [dgamma, dbeta] = [nn.f32(width), nn.f32(width)];
      const [xs, dy, gamma, beta] = [data.x, data.dy, data.gamma, data.beta].map((values) => nn.f32(values));
      const { kernels } = nn;
      const forward = (r0 = 0, r1 = rows): void => {
        const at = 4 * r0 * width;
        const saved = [rstd.ptr + 4 * r0, xs!.ptr + at, gamma!.ptr] as const;
        if (layer) kernels.layerNorm(y.ptr + at, mean.ptr + 4 * r0, ...saved, beta!.ptr, r1 - r0, width, EPS);
        else kernels.rmsNorm(y.ptr + at, ...saved, r1 - r0, width, EPS);
      };
      const backward = (on?: { readonly ptr: number }, r0 = 0, r1 = rows): void => {
        const at = 4 * r0 * width;
        const first = on === undefined ? 0 : on.ptr + at;
        const arrays = [dx.ptr + at, dy!.ptr + at, xs!.ptr + at, gamma!.ptr] as const;
        if (layer) kernels.layerNormBackward(...arrays, mean.ptr + 4 * r0, rstd.ptr + 4 * r0, r1 - r0, width, first);
        else kernels.rmsNormBackward(...arrays, rstd.ptr + 4 * r0, r1 - r0, width, first);
      };
      const params = (add: number, c0 = 0, c1 = width): void => {
        const sizes = [rstd.ptr, rows, width, c0, c1, add] as const;
        if (layer) kernels.layerNormParams(dgamma.ptr, dbeta.ptr, dy!.ptr, xs!.ptr, mean.ptr, ...sizes);
        else kernels.rmsNormParams(dgamma.ptr, dy!.ptr, xs!.ptr, ...sizes);
      };
      return { data, y, dx, base, dgamma, dbeta, mean, rstd, forward, backward, params };
    };

    const oracle = (x: ArrayLike<number>, gamma: ArrayLike<number>, beta: ArrayLike<number>): number[] =>
      norm(x, gamma, layer ? beta : undefined, EPS);

    test(`${nn.target} ${name} and its gradients are those of float64, at widths around the vectors`, () => {
      for (const width of WIDTHS) {
        const rows = 5;
        const { data, ...call } = make(rows, width, random.normals(rows * width, 2, layer ? 3 : 0));
        call.forward();
        const want = oracle(data.x, data.gamma, data.beta);
        for (let r = 0; r < rows; r++) {
          const row = Array.from(data.x.subarray(r * width, (r + 1) * width));
          const middle = layer ? row.reduce((sum, value) => sum + value, 0) / width : 0;
          const deviation = Math.sqrt(row.reduce((sum, value) => sum + (value - middle) ** 2, 0) / width + EPS);
          // the mean is rounded once; x - mean too, which moves the deviation where a row is nearly constant
          if (layer) close("mean", [call.mean.now[r]!], [middle], () => U * Math.abs(middle));
          const relative = U * (2 + largest(row) / deviation);
          close("rstd", [call.rstd.now[r]!], [1 / deviation], () => relative / deviation);
        }
        // x - mean, times rstd, times gamma, plus beta, and the roundings of mean (of size 10 at most, over a deviation of 0.3 at least) and rstd
        const size = largest(data.gamma) * largest(call.rstd.now) * 10 + largest(data.beta);
        close(`${name} width ${width}`, call.y.now, want, () => 6 * U * size);
        call.backward();
        call.params(0);
        const loss = (x: ArrayLike<number>, gamma: ArrayLike<number>, beta: ArrayLike<number>): number =>
          dot(oracle(x, gamma, beta), data.dy);
        const { x, gamma, beta } = data;
        // dx is rstd times differences of terms below |g| xhat^2; xhat is at most sqrt width
        const gradient = largest(call.rstd.now) * largest(gamma) * largest(data.dy) * (1 + Math.min(width, 25));
        const steep = 1e-8 * (1 + largest(call.rstd.now) ** 3);
        if (width > 1 || !layer) {
          close(
            "dx",
            call.dx.now,
            differences((moved) => loss(moved, gamma, beta), x),
            () => 8 * U * gradient + steep,
          );
        }
        const sums = 8 * U * rows * largest(data.dy) * (1 + largest(call.rstd.now) * 10);
        close(
          "dgamma",
          call.dgamma.now,
          differences((moved) => loss(x, moved, beta), gamma),
          () => sums + 1e-8,
        );
        if (layer) {
          close(
            "dbeta",
            call.dbeta.now,
            differences((moved) => loss(x, gamma, moved), beta),
            () => sums + 1e-8,
          );
        }
        nn.intact(name);
      }
    });

    test(`${nn.target} ${name}: parts of rows and of columns give the bits of the whole, on top of themselves twice as much`, () => {
      for (const width of [1, 4, 5, 19, 33]) {
        const rows = 37;
        const call = make(rows, width, random.normals(rows * width, 2, 1));
        call.forward();
        call.backward();
        call.params(0);
        const names = ["y", "mean", "rstd", "dx", "dgamma", "dbeta"] as const;
        const whole = names.map((key) => call[key].now.slice());
        for (const key of names) call[key].now.fill(Number.NaN);
        for (const [r0, r1] of [
          [0, 1],
          [1, 20],
          [20, 37],
        ] as const) {
          call.forward(r0, r1);
          call.backward(undefined, r0, r1);
        }
        const cuts = [0, Math.floor(width / 3), Math.floor(width / 2), width];
        for (let n = 0; n < 3; n++) call.params(0, cuts[n]!, cuts[n + 1]!);
        names.forEach((key, n) => {
          sameBits(`${name} width ${width} ${key}`, call[key].now, whole[n]!);
        });
        call.base.now.set(call.dx.now);
        call.dx.now.fill(Number.NaN);
        call.backward(call.base);
        const apart = call.dx.now.slice();
        sameBits(`${name} width ${width} base`, call.base.now, whole[3]!);
        call.dx.now.set(call.base.now);
        call.backward(call.dx);
        sameBits(`${name} width ${width} in place`, call.dx.now, apart);
        call.params(1);
        for (const n of [3, 4, 5]) {
          const twice = whole[n]!.map((value) => 2 * value);
          // the sum is rounded once more, and for dgamma and dbeta the first one was rounded before it was added
          close(`${names[n]} added`, call[names[n]!].now, twice, (i) => 4 * U * Math.abs(twice[i]!));
        }
        nn.intact(name);
      }
    });
  }

  test(`${nn.target} norms of constant rows are 0, those of huge rows are right, and NaN stays in its row`, () => {
    const width = 5;
    const x = [3, 3, 3, 3, 3, 1e30, -1e30, 1e30, -1e30, 0, 1, Number.NaN, 1, 1, 1, 1, 2, 3, 4, 5];
    const ones = [1, 1, 1, 1, 1];
    nn.reset();
    const [y, mean, rstd, xs, gamma, beta] = [
      nn.f32(20),
      nn.f32(4),
      nn.f32(4),
      nn.f32(x),
      nn.f32(ones),
      nn.f32(ones.map(() => 0)),
    ];
    nn.kernels.layerNorm(y.ptr, mean.ptr, rstd.ptr, xs.ptr, gamma.ptr, beta.ptr, 4, width, EPS);
    const row = (r: number): Float32Array => y.now.slice(r * width, (r + 1) * width);
    sameBits("constant", row(0), [0, 0, 0, 0, 0]);
    const one = Math.sqrt(5 / 4);
    close("huge", row(1), [one, -one, one, -one, 0], () => 4 * U);
    sameBits("NaN", row(2), [Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
    close("next", row(3), norm([1, 2, 3, 4, 5], ones, [0, 0, 0, 0, 0], EPS), () => 8 * U);
    nn.kernels.rmsNorm(y.ptr, rstd.ptr, xs.ptr, gamma.ptr, 4, width, EPS);
    close("huge, RMS", row(1), [one, -one, one, -one, 0], () => 4 * U);
    sameBits("NaN, RMS", row(2), [Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
  });
}

test.run();
