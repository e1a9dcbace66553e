/** JSON in the metadata of a file: refused where writing and reading it would give something else. */
import { printable, show } from "../check.js";

/**
 * What JSON can say.
 *
 * @example const json: Json = { step: 3, names: ["a", "b"] };
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
};

/**
 * An object whose JSON says all of it. Properties that are undefined count as left out.
 * @throws TypeError that names the place: NaN, typed arrays, maps, functions and the like, or an object inside itself
 */
export function checkJson(where: string, name: string, value: unknown): void {
  if (typeof value !== "object" || value === null || Array.isArray(value) || !isPlain(value)) {
    throw new TypeError(`${where}: ${name} must be an object, got ${show(value)}`);
  }
  const around = new Set<object>();
  const visit = (at: string, one: unknown): void => {
    if (one === null || typeof one === "string" || typeof one === "boolean") return;
    if (typeof one === "number" && Number.isFinite(one) && !Object.is(one, -0)) return;
    const object = typeof one === "object" && (Array.isArray(one) || isPlain(one)) ? one : undefined;
    if (object === undefined || around.has(object)) {
      const got = object === undefined ? (Object.is(one, -0) ? "-0" : show(one)) : "an object that is inside itself";
      throw new TypeError(`${where}: ${at} must be JSON, got ${got}`);
    }
    around.add(object);
    if (Array.isArray(object)) for (const [n, item] of object.entries()) visit(`${at}[${n}]`, item);
    else for (const [key, item] of Object.entries(object)) if (item !== undefined) visit(`${at}.${key}`, item);
    around.delete(object);
  };
  visit(name, value);
}

/** An object from text. @throws RangeError */
export function parseJson(where: string, name: string, text: string | undefined): { readonly [name: string]: Json } {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "");
  } catch (error) {
    throw new RangeError(`${where}: ${name} must be JSON: ${printable((error as Error).message)}`, { cause: error });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as { [name: string]: Json };
  throw new RangeError(`${where}: ${name} must be a JSON object, got ${show(value)}`);
}
