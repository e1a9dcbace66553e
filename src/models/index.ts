/** laser-attention/models: the four families of the paper, each from a config, with either attention. */

export { type Bert, type BertConfig, bert } from "./bert.js";
export type { Block } from "./block.js";
export type { ModelConfig } from "./config.js";
export { type Conformer, type ConformerBlock, type ConformerConfig, conformer } from "./conformer.js";
export { type Gpt, type GptConfig, gpt } from "./gpt.js";
export { patchesOf } from "./patches.js";
export { type Vit, type VitConfig, vit } from "./vit.js";
