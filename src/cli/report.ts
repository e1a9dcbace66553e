/** The report of one run or of two side by side: one HTML file that needs nothing else. */
import { VERSION } from "../generated/version.js";
import type { FamilyName, Recipe, Trainer } from "../train/index.js";
import { chart, escapeHtml, smooth } from "./chart.js";

const STYLE =
  "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color:#222}svg{width:100%;font-size:12px}" +
  "pre{white-space:pre-wrap;background:#f5f5f5;padding:.8rem}td,th{text-align:left;padding:.1rem 1rem .1rem 0}";

/** A recipe, in the order of --help, with nothing left out. */
const RECIPE = Object.keys({
  ...{ variant: 0, width: 0, heads: 0, layers: 0, context: 0, batch: 0, steps: 0, lr: 0, warmup: 0, weightDecay: 0 },
  ...{ clip: 0, dropout: 0, every: 0, evaluations: 0, seed: 0 },
} satisfies Record<keyof Recipe, 0>) as (keyof Recipe)[];

const HELD: Readonly<Record<FamilyName, string>> = {
  lm: "the last tenth of the text",
  bert: "the last tenth of the text",
  vit: "test*.bin",
  conformer: "takes 0 to 4 of digits, every tenth recording of a list",
};

/** `notes`: the path of the data, and of what the run began with; its kernels. `failure`: what ended a run that has nothing to show any more. Without a date: the same run has the same report. */
export function report(
  trainers: readonly Trainer[],
  { data, init, simd }: { readonly [name: string]: unknown },
  failure?: string,
): string {
  const { family, task, recipe } = trainers[0]!;
  const { batch, evaluations } = recipe;
  const name = ({ recipe }: Trainer) => recipe.variant;
  const lines = (of: (trainer: Trainer) => readonly (readonly [number, number])[]) =>
    trainers.map((trainer) => ({ name: name(trainer), points: of(trainer) }));
  const head = trainers.map((trainer) => `<th>${name(trainer)}</th>`).join("");
  const rows = RECIPE.map((key) => {
    const cells = trainers.map(({ recipe }) => `<td>${recipe[key]}</td>`).join("");
    return `<tr><td>${key}</td>${cells}</tr>`;
  });
  const last = trainers.map(({ history }) => `<td>${history.evaluations.at(-1)?.value.toPrecision(5) ?? "none"}</td>`);
  const best = trainers.map(
    ({ best }) => `<td>${best ? `${best.value.toPrecision(5)}, step ${best.step}` : "none"}</td>`,
  );
  const parts = [
    `<h1>${family}: ${trainers.map(name).join(" and ")}</h1>`,
    failure === undefined ? "" : `<p><strong>Failed.</strong> ${escapeHtml(failure)}</p>`,
    `<table><tr><td></td>${head}</tr><tr><td>${task.measure}, last</td>${last.join("")}</tr>`,
    `<tr><td>${task.measure}, best</td>${best.join("")}</tr>`,
    `<tr><td>parameters</td>${trainers.map(({ task }) => `<td>${task.model.parameterCount}</td>`).join("")}</tr>`,
    `<tr><td>steps done</td>${trainers.map(({ steps }) => `<td>${steps}</td>`).join("")}</tr>${rows.join("")}</table>`,
    typeof simd === "string" ? `<p>Kernels: ${simd}</p>` : "",
    typeof data === "string" ? `<p>Data: ${escapeHtml(data)}</p>` : "",
    typeof init === "string" ? `<p>Began with: ${escapeHtml(init)}</p>` : "",
    `<p>Held out: ${HELD[family]}, of which an evaluation takes at most ${evaluations} batches of ${batch}.</p>`,
    chart(
      "Training loss",
      lines(({ history }) => smooth(history.losses)),
    ),
    chart(
      `${task.measure[0]!.toUpperCase()}${task.measure.slice(1)}`,
      lines(({ history }) => history.evaluations.map(({ step, value }) => [step, value] as const)),
    ),
    chart(
      "Norm of the gradients before clipping",
      lines(({ history }) => smooth(history.norms)),
    ),
    ...(failure === undefined ? trainers : []).map(
      (trainer) => `<h2>Sample, ${name(trainer)}</h2><pre>${escapeHtml(trainer.task.sample())}</pre>`,
    ),
  ];
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>laser-attention ${family}</title><style>${STYLE}</style>${parts.join("\n")}<p>laser-attention ${VERSION}</p></html>\n`;
}
