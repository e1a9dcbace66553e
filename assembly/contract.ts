/**
 * What the kernels rely on. The debug build alone checks it, at the head of each call. Without the tests of ASC_NO_ASSERT the
 * others would still read the fields.
 */
import { Problem } from "./problem";

/** Of both attention kernels. */
export function checkProblem(p: Problem): void {
  if (ASC_NO_ASSERT) return;
  assert(p.B > 0 && p.H > 0 && p.D > 0 && p.E > 0, "B, H, D and E must be 1 or more");
  assert(p.Hkv > 0 && p.H % p.Hkv == 0, "H must be a multiple of Hkv");
  assert(p.N >= 0 && p.M >= 0, "N and M must be 0 or more");
  assert(p.q != 0 && p.k != 0 && p.v != 0, "q, k and v must be there");
  assert(p.out != 0 && p.lse != 0, "out and lse must be there");
  assert(p.scratch != 0 && (p.scratch & 63) == 0, "scratch must be 64-byte aligned");
  assert(isFinite(p.scale) && p.softcap >= 0, "scale must be finite, softcap 0 (none) or more");
  assert(p.member >= 0 && p.member < p.members, "member must be one of the members");
}

/** Of the backward kernel alone. */
export function checkBackward(p: Problem): void {
  if (ASC_NO_ASSERT) return;
  assert(p.dout != 0, "dout must be there");
  assert(p.dbias == 0 || p.bias != 0, "dbias takes a bias");
}
