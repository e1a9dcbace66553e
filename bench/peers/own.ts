/** This package as a peer, in the build that users install. */
import { pathToFileURL } from "node:url";
import type { createSync, LaserAttention, Tensor } from "../../src/index.js";
import { matmulInputs, ordinary, prepareAttention } from "../tasks.js";
import { load, type Peer, type Ready } from "./peer.js";
import type { AttentionWorkload, MatmulWorkload, Workload } from "./workloads.js";

type Package = { createSync: typeof createSync };

function attention(la: LaserAttention, { shape, variant, direction }: AttentionWorkload): Ready {
  const { call, results } = prepareAttention(la, shape, ordinary(shape), variant, direction);
  const { out, dq, dk, dv } = results;
  const read = () => {
    call();
    const array = (x: Tensor) => x.toArray();
    return direction === "forward"
      ? { out: array(out) }
      : { out: array(out), dq: array(dq), dk: array(dk), dv: array(dv) };
  };
  return { call, read, dispose: () => la.dispose() };
}

function matmul(la: LaserAttention, { shape: { m, k, n } }: MatmulWorkload): Ready {
  const inputs = matmulInputs({ m, k, n });
  const [a, b] = [la.tensor(inputs.a, [m, k]), la.tensor(inputs.b, [k, n])];
  return {
    call: () => la.matmul(a, b).dispose(),
    read: () => ({ out: la.matmul(a, b).toArray() }),
    dispose: () => la.dispose(),
  };
}

const own = (name: string, entry: string): Peer => ({
  name,
  packages: ["laser-attention"],
  async open() {
    const { createSync } = await load<Package>(pathToFileURL(`dist/${entry}.js`).href);
    const prepare = (workload: Workload) =>
      workload.kind === "matmul" ? matmul(createSync(), workload) : attention(createSync(), workload);
    return (workload) => [{ name: workload.kind, prepare: () => prepare(workload) }];
  },
});

export const plain = own("laser-attention", "index");
export const relaxed = own("laser-attention/relaxed", "relaxed");
