/** Node, Deno and Bun: what is expected comes as an argument, the outcome is the last line. */
import { runAll } from "../main.js";

const outcome = await runAll(JSON.parse(process.argv[2]!));
process.stdout.write(`\n@result ${JSON.stringify(outcome)}\n`);
process.exitCode = outcome.failed > 0 ? 1 : 0;
