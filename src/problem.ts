import type { Arena } from "./arena.js";
import { FLOATS, OFFSETS } from "./generated/problem.js";

/** A field of the struct in assembly/problem.ts. */
export type Field = keyof typeof OFFSETS;

export type Fields = Partial<Record<Field, number>>;

/** Writes all fields of the struct at `ptr`; a field that is not given becomes 0: absent, none, no stride. */
export function writeProblem(arena: Arena, ptr: number, fields: Fields): void {
  const view = new DataView(arena.buffer, ptr);
  for (const field of Object.keys(OFFSETS) as Field[]) put(view, field, fields[field] ?? 0);
}

export function writeField(arena: Arena, ptr: number, field: Field, value: number): void {
  put(new DataView(arena.buffer, ptr), field, value);
}

/** An integer field as the kernel left it. */
export function readField(arena: Arena, ptr: number, field: Field): number {
  return new DataView(arena.buffer, ptr).getInt32(OFFSETS[field], true);
}

function put(view: DataView, field: Field, value: number): void {
  if (FLOATS.includes(field)) view.setFloat32(OFFSETS[field], value, true);
  else view.setInt32(OFFSETS[field], value, true);
}
