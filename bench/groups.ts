/** What is measured together: the variants of one call, and shapes whose times are held against each other. */
import type { Variant } from "../src/index.js";
import {
  type AttentionShape,
  attentionShapes,
  type Direction,
  describeShape,
  flops,
  flopsPerPair,
  growthShapes,
  headShapes,
  matmulShapes,
  optionShapes,
  smallShapes,
  visiblePairs,
  visibleShapes,
  visibleTilePairs,
} from "./shapes.js";
import { limits, matmulTargets, type Target, targets } from "./targets.js";
import { attentionTask, matmulTask, rowTask, type Task, variants } from "./tasks.js";

/** Tasks on one line of a table: standard and LASER, or one. */
export interface Group {
  name: string;
  tasks: readonly Task[];
  targets: readonly Target[];
  long?: boolean | undefined;
}

function attentionGroups(shape: AttentionShape, directions: readonly Direction[]): Group[] {
  return directions.map((direction) => {
    const name = `${describeShape(shape)} ${direction}`;
    const tasks = variants.map((variant) => attentionTask(shape, variant, direction));
    return { name, tasks, targets: targets[name] ?? [], long: shape.long };
  });
}

const single = (task: Task, targets: readonly Target[] = []): Group => ({ name: task.name, tasks: [task], targets });

const { decode, ...others } = attentionShapes;
export const groups: readonly Group[] = [
  ...Object.values(others).flatMap((shape) => attentionGroups(shape, ["forward", "backward", "both"])),
  ...attentionGroups(decode, ["forward"]),
  ...smallShapes.flatMap((shape) => attentionGroups(shape, ["forward", "both"])),
  ...matmulShapes.map((shape) => single(matmulTask(shape), matmulTargets)),
  single(rowTask("softmax", (la, x) => la.softmax(x))),
  single(rowTask("exp", (la, x) => la.exp(x))),
  single(rowTask("log", (la, x) => la.log(x), true)),
];

/** Shapes in one variant and direction. Each has its time over its work, as a multiple of the first one's. */
export interface Comparison {
  name: string;
  shapes: readonly AttentionShape[];
  variant: Variant;
  direction: Direction;
  /** `rows`: of a row group in the build that is measured. */
  work(shape: AttentionShape, direction: Direction, rows: number): number;
  /** Of what something is promised. */
  limit(shape: AttentionShape): number | undefined;
  /** Less than 1 / limit misses as well, on one thread. */
  bothWays: boolean;
}

const kinds: readonly (Omit<Comparison, "variant" | "direction"> & { directions: readonly Direction[] })[] = [
  {
    name: "time per operation",
    shapes: headShapes,
    work: (shape, direction) => flops(shape, direction),
    limit: ({ D }) => (D === 32 ? limits.headSize32 : limits.headSize),
    directions: ["forward", "backward"],
    bothWays: false,
  },
  {
    name: "time per visible pair in panels",
    shapes: visibleShapes,
    work: (shape, direction, rows) => flopsPerPair(shape, direction) * visibleTilePairs(shape, rows),
    limit: () => limits.visible,
    directions: ["forward", "backward"],
    bothWays: false,
  },
  {
    name: "time with an option",
    shapes: optionShapes,
    work: () => 1,
    limit: ({ softcap, alibi }) => (softcap || alibi ? undefined : limits.dense),
    directions: ["forward", "backward"],
    bothWays: false,
  },
  {
    name: "time per pair as N grows",
    shapes: growthShapes,
    work: (shape) => visiblePairs(shape),
    limit: () => limits.growth,
    directions: ["forward", "both"],
    bothWays: true,
  },
];

export const comparisons: readonly Comparison[] = kinds.flatMap(({ directions, ...kind }) =>
  directions.flatMap((direction) => variants.map((variant) => ({ ...kind, variant, direction }))),
);
