/** npm run test:bits: the hash of every fixed case and that of all, which test/portable/bits.ts commits. */
import { createSync } from "laser-attention";
import { createSync as createNn } from "laser-attention/nn";
import { digest } from "./support/digest.js";
import { asSource } from "./support/package.js";
import { train } from "./support/training.js";

const { total, cases } = await digest(asSource(createSync()));
for (const [name, hash] of cases) console.log(hash.slice(0, 8), name);
console.log(`\n${total}\n`);

const training = await train(createNn());
for (const line of training.each) console.log(line);
console.log(`\n${training.total}`);
