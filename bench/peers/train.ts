/** The program of `npm run bench:train`: it lies here because its bundle must lie beside what the peers install. */
import { main } from "../train/main.js";

await main();
