/** The command laser-attention. */
import { Command } from "commander";
import { VERSION } from "../generated/version.js";
import { addClassify } from "./classify.js";
import { complain, visible, watchOutput } from "./files.js";
import { addFill } from "./fill.js";
import { addGenerate } from "./generate.js";
import { addSignal } from "./signal.js";
import { addCompare, addTrain } from "./train.js";
import { addTranscribe } from "./transcribe.js";

const EXIT_CODES = `
Exit codes: 0 done; 1 an error; 130, 143, 129, 149 training was stopped by SIGINT (ctrl-C), SIGTERM, SIGHUP, ctrl-Break, and is saved;
141 nobody reads the output.`;

const program = new Command("laser-attention")
  .description("Train and use the model families of the LASER attention paper, with LASER or standard attention")
  .version(VERSION)
  // What is wrong is one line, also where commander puts its suggestion on a second one.
  .configureOutput({
    outputError: (text, write) => write(`${visible(text.trim().replace(/\s*\n\s*/g, " "))} (see --help)\n`),
  })
  .addHelpText("afterAll", EXIT_CODES);
for (const add of [addTrain, addCompare, addGenerate, addFill, addClassify, addTranscribe, addSignal]) add(program);

watchOutput();
try {
  await program.parseAsync();
} catch (error) {
  complain(error);
}
