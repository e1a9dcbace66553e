/** laser-attention/models: the four families of the paper, each from a config, with either attention; what they read and what they write. */

export { CIFAR10_CLASSES, type Cifar10, readCifar10 } from "../data/cifar10.js";
export { type Features, LOG_MEL_RATE, logMel, MELS } from "../data/log-mel.js";
export { resample } from "../data/resample.js";
export { byteTokenizer, type CharacterTokenizer, characterTokenizer, type Tokenizer } from "../data/text.js";
export { readWav, type Wav } from "../data/wav.js";
export { type Bert, type BertConfig, bert } from "./bert.js";
export type { Block, BlockOptions } from "./block.js";
export { type ClassifyOptions, classify } from "./classify.js";
export type { BlockConfig, ModelConfig } from "./config.js";
export {
  type Conformer,
  type ConformerBlock,
  type ConformerConfig,
  type ConformerLossOptions,
  conformer,
} from "./conformer.js";
export { type Candidate, distribution, draw, type SamplingOptions } from "./distribution.js";
export type { DropoutOptions } from "./dropout.js";
export { type Filled, type FilledPlace, type FillOptions, fill } from "./fill.js";
export { type GenerateOptions, generate } from "./generate.js";
export { type Gpt, type GptConfig, gpt } from "./gpt.js";
export { patchesOf, planesOf } from "./patches.js";
export { type ModelSource, restore } from "./restore.js";
export type { TokenConfig, TokenModel, TokenOptions } from "./token-model.js";
export { type TranscribeOptions, type Transcription, transcribe } from "./transcribe.js";
export { type Vit, type VitConfig, vit } from "./vit.js";
