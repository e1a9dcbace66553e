import { Random } from "../../support/random.js";

/**
 * The same numbers to the last bit in every engine: no function of Math that may be rounded in its own way. What takes the place of a
 * normal deviate is the sum of twelve uniform ones, of deviation 1.
 */
export class ExactRandom extends Random {
  override normal(): number {
    let sum = -6;
    for (let n = 0; n < 12; n++) sum += this.uniform();
    return sum;
  }
}
