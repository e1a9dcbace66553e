/**
 * What every host computes in the plain build, at any number of threads: the hash of support/digest.ts. It changes with the order of a sum, and
 * with the cases; `npm run test:bits` prints that of this machine.
 */
export const BITS = "b12f485caf203cf1a4c389c785e6297d6e87794b8ba35c20a1b384bce5b64cb0";
