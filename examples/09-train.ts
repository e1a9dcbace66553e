// A small language model learns to continue a text, with LASER attention: parameters, steps, an optimiser.
import { generate, gpt } from "laser-attention/models";
import { AdamW, createSync, Random, warmupCosine } from "laser-attention/nn";

const text = "she sells sea shells by the sea shore. ".repeat(20);
const letters = [...new Set(text)].sort();
const tokens = [...text].map((letter) => letters.indexOf(letter));

const nn = createSync({ threads: 2 }); // the same bits at any number of threads
const config = { vocabulary: letters.length, context: 32, width: 32, heads: 4, layers: 2 };
const model = gpt(nn, { ...config, variant: "laser", seed: 1 });
const optimizer = new AdamW(nn, model, { weightDecay: 0.05 });
console.log(`${model.parameterCount} parameters, the first is ${[...model.parameters.keys()][0]}`);

// A batch: windows of the text, and the same a letter further on.
const random = new Random(2);
const window = (at: number) => tokens.slice(at, at + config.context);
const steps = 60;
const lr = warmupCosine({ peak: 1e-2, warmup: 10, steps });
for (let step = 0; step < steps; step++) {
  const starts = Array.from({ length: 8 }, () => random.int(tokens.length - config.context));
  // Forward and backward; the gradients are in model.parameters afterwards. The first step plans the memory of all.
  const loss = nn.step(() =>
    model.loss(
      starts.map(window),
      starts.map((at) => window(at + 1)),
    ),
  );
  const norm = optimizer.step({ lr: lr(step), clip: 1 });
  if (step % 20 === 0 || step === steps - 1)
    console.log(`step ${step}: loss ${loss.toFixed(3)}, gradient ${norm.toFixed(2)}`);
}

// Temperature 0 always takes the likeliest letter; nothing is kept for gradients.
const prompt = tokens.slice(0, "she ".length);
const written = [...prompt, ...generate(nn, model, prompt, { count: 24, temperature: 0 })];
console.log(written.map((id) => letters[id]).join(""));
nn.dispose();
