import type { Nn } from "../nn/nn.js";
import { whole } from "../nn/whole.js";
import { type TokenConfig, TokenModel } from "./token-model.js";

/**
 * Config of {@link bert}: its last token is the mask.
 *
 * @example const config: BertConfig = { vocabulary: 66, context: 128, width: 128, heads: 4, layers: 4, variant: "laser" };
 */
export type BertConfig = TokenConfig;

/**
 * A masked language model: the layers of gpt, with every token seeing all others (Devlin et al., arXiv 1810.04805). Made by {@link bert}.
 *
 * @example const made: Bert = bert(nn, { vocabulary: 25, context: 8, width: 16, heads: 2, layers: 1, variant: "laser" });
 */
export class Bert extends TokenModel {
  /** What a checkpoint calls it. */
  readonly family = "bert";

  /** @internal */
  constructor(nn: Nn, config: BertConfig) {
    if (config?.vocabulary === 1) throw new RangeError("bert: vocabulary must be 2 or more, the mask included, got 1");
    super(nn, "bert", config, false);
  }

  /** The id that stands for a hidden token. */
  get maskId(): number {
    return this.config.vocabulary - 1;
  }
}

/**
 * A new masked language model, with first values from its seed.
 * @throws TypeError or RangeError for a config that does not fit
 *
 * @example
 * const masked = bert(nn, { vocabulary: 25, context: 8, width: 16, heads: 2, layers: 1, variant: "laser" });
 * const value = nn.step(() => masked.loss([[1, masked.maskId, 3]], [[-1, 2, -1]]));
 */
export const bert = (nn: Nn, config: BertConfig): Bert => whole("bert", nn, () => new Bert(nn, config));
