/** What TypeScript infers of the options of `attentionBackward`, so that its result has a tensor where there is one. */
import type { AttentionBackwardOptions, GradientName, Needs } from "./types.js";

/** No other names: where TypeScript infers a type it lets them pass. Of names that may be any text it can't tell. */
type Only<O, Names> = {
  readonly [name in keyof O]: string extends name ? unknown : name extends Names ? unknown : never;
};

/** Options as TypeScript infers them: they tell which gradients there will be. */
export type InferredOptions<O extends AttentionBackwardOptions> = O &
  Only<O, keyof AttentionBackwardOptions> & {
    readonly into?: (AttentionBackwardOptions["into"] & Only<NonNullable<O["into"]>, GradientName>) | undefined;
    readonly needs?: Only<NonNullable<O["needs"]>, GradientName> | undefined;
  };

/** Which gradients those want; of options under a condition, a union. */
export type NeedsOf<O> = O extends { readonly needs?: infer N } ? Given<N> : Record<never, never>;

/** Left out is undefined, or never under exactOptionalPropertyTypes. */
type Given<N> = [N] extends [never] ? Record<never, never> : N extends Needs ? N : Record<never, never>;
