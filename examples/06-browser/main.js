// Serve the repository's root and open examples/06-browser/ (examples/README.md). With a bundler: from "laser-attention".
import { create } from "../../dist/index.js";
import { drawLegend, drawMap } from "./draw.js";

const text = "she sells sea shells; she sells the shells by the sea.";
const N = text.length;
const D = 24;

const letters = [...new Set(text)];

/** A vector of length 1 for each letter, always the same ones; zeros where there is none. */
let state = 1;
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32 - 0.5;
}
const keys = letters.map(() => {
  const x = Array.from({ length: D }, random);
  const norm = Math.hypot(...x);
  return x.map((y) => y / norm);
});
const nothing = new Array(D).fill(0);
const key = (letter) => keys[letters.indexOf(letter)] ?? nothing;

/** 1 in the channel of the letter. */
const value = (letter) => nothing.map((_, n) => (letters[n] === letter ? 1 : 0));

const la = await create();
const shape = [1, 1, N, D];

/** Row i of the tensor is `row(i)` times `factor`. */
function rows(row, factor) {
  const data = Float32Array.from({ length: N * D }, (_, n) => factor * row(Math.floor(n / D))[n % D]);
  return la.tensor(data, shape);
}

function compute(sharpness, size) {
  return la.scope(() => {
    const q = rows((i) => key(text[i]), sharpness);
    const k = rows((j) => key(text[j - 1]), 1);
    const v = rows((j) => value(text[j]), size);
    const target = rows((i) => value(text[i + 1]), size).data;
    const options = { causal: true, scale: 1 };

    // With the identity as values, out is the attention itself.
    const eye = la.zeros([1, 1, N, N]);
    for (let i = 0; i < N; i++) eye.data[i * N + i] = 1;
    const attention = la.attention(q, k, eye, { ...options, variant: "standard" }).toArray();

    // A bias is added to the scores, so its gradient is that of the scores.
    const bias = la.zeros([1, 1, N, N]);
    const gradient = (variant) => {
      const saved = la.attentionForward(q, k, v, { ...options, variant, bias });
      // loss = sum((out - target)^2) / 2; the last letter has no next one
      const dout = saved.out.data.map((x, n) => (n < (N - 1) * D ? x - target[n] : 0));
      return la.attentionBackward(la.tensor(dout, shape), saved).dbias.toArray();
    };
    return { attention, standard: gradient("standard"), laser: gradient("laser") };
  });
}

const element = (id) => document.getElementById(id);
const [sharpness, size] = [element("sharpness"), element("size")];

function update() {
  const { attention, standard, laser } = compute(sharpness.valueAsNumber, size.valueAsNumber);
  drawMap(element("attention"), attention, text, false);
  drawMap(element("standard"), standard, text, true);
  drawMap(element("laser"), laser, text, true);

  const visible = [...attention.keys()].filter((n) => n % N <= Math.floor(n / N));
  const compare = (words, pick) => {
    const pairs = visible.filter((n) => pick(attention[n]));
    const mean = (map) => pairs.reduce((sum, n) => sum + Math.abs(map[n]), 0) / pairs.length;
    const [a, b] = [mean(standard), mean(laser)];
    const means = `mean size of the gradient ${a.toExponential(1)} standard, ${b.toExponential(1)} LASER, ${(b / a).toFixed(1)} times`;
    return `${words}: ${pairs.length} of ${visible.length} pairs${pairs.length > 0 ? `, ${means}` : ""}`;
  };
  element("numbers").textContent = [
    compare("p below 0.001", (p) => p < 1e-3),
    compare("p above 0.1", (p) => p > 0.1),
  ].join("\n");
}

drawLegend(element("legend"));
for (const input of [sharpness, size]) input.addEventListener("input", update);
update();
