// What every entry says when it is asked for an instance, by createSync and by create, as JSON: for engines without SIMD.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as main from "laser-attention";
import * as nn from "laser-attention/nn";
import * as relaxed from "laser-attention/relaxed";
import * as slim from "laser-attention/slim";
import * as threads from "laser-attention/threads";

const wasm = readFileSync(createRequire(import.meta.url).resolve("laser-attention/kernels.wasm"));
const said = {};
for (const [name, entry] of Object.entries({ main, nn, relaxed, slim, threads })) {
  for (const way of ["createSync", "create"]) {
    try {
      await entry[way](...(entry === slim ? [{ wasm }] : []));
      said[`${name}.${way}`] = "an instance";
    } catch (error) {
      said[`${name}.${way}`] = `${error.name}: ${error.message}`;
    }
  }
}
console.log(JSON.stringify(said));
