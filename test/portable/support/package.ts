/** The built package for helpers that are typed by the sources: the same declarations, but classes with private fields are their own type. */
import type * as built from "laser-attention";
import type { LaserAttention } from "../../../src/index.js";

export const asSource = (la: built.LaserAttention): LaserAttention => la as unknown as LaserAttention;
