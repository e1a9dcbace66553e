/** What the project wants of training, as data; `npm run bench:train -- --assert` fails on what misses it. */

export interface Target {
  text: string;
  /** The build of this package, and who it is held against: the fastest of the peers, another build, or memory.ts. */
  build: string;
  against: "peers" | "relaxed" | "memory";
  workloads: RegExp;
  /** The least time of the other over that of the build; of memory the bytes that there may be over those that there are. */
  least: number;
}

export const targets: readonly Target[] = [
  { text: "2.5 times the faster peer", build: "relaxed", against: "peers", workloads: /(standard|LASER)$/, least: 2.5 },
  {
    text: "1.6 times one thread, middle and large sizes",
    build: "2 threads",
    against: "relaxed",
    workloads: / d (128|192),/,
    least: 1.6,
  },
  { text: "forward twice onnxruntime-web", build: "relaxed", against: "peers", workloads: / forward$/, least: 2 },
  { text: "memory within theory and slack", build: "relaxed", against: "memory", workloads: /./, least: 1 },
];
