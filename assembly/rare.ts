/** exp, 2^x and log of the core as calls, not copies of their code, for what runs once a row or tile, or for far elements only. */
import { Exp } from "./exp";
import { Log } from "./log";

export class Rare {
  static exp(x: v128): v128 {
    return Exp.core(x);
  }

  static exp2(x: v128): v128 {
    return Exp.base2(x);
  }

  static log(x: v128): v128 {
    return Log.core(x);
  }
}
