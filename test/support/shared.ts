/** A module whose parameters the tests of nn use in several places. */
import { embedding, Module, type Nn, type Parameter, Random, type Value } from "../../src/nn/index.js";

export class Shared extends Module {
  readonly table: Parameter;
  readonly gamma: Parameter;
  readonly beta: Parameter;
  readonly other: Parameter;
  readonly taps: Parameter;
  readonly square: Parameter;

  constructor(nn: Nn) {
    super();
    const random = new Random(4);
    const make = (...shape: number[]) =>
      nn.parameter(
        random.normals(
          shape.reduce((a, b) => a * b),
          0.7,
        ),
        shape,
      );
    this.table = make(5, 4);
    this.gamma = make(4);
    this.beta = make(4);
    this.other = make(4);
    this.taps = make(4, 1, 3);
    this.square = make(4, 4);
  }
}

export const ids = [0, 1, 2, 3, 4, 0];
export const targets = [1, 2, 3, 0, 2, 1];
export const tokens = (nn: Nn, { table }: Shared): Value => embedding(nn, ids, [2, 3], table);
