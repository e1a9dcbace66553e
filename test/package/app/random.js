// One class of an entry with kernels, layers and an optimiser: a bundler leaves out all that it does not need.
import { Random } from "laser-attention/nn";

document.title = String(new Random(1).uniform());
