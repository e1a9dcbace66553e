/**
 * What every host computes in the plain build, at any number of threads: the hash of support/digest.ts. It changes with the order of a sum, and
 * with the cases; `npm run test:bits` prints that of this machine.
 */
export const BITS = "b12f485caf203cf1a4c389c785e6297d6e87794b8ba35c20a1b384bce5b64cb0";

/** The same of support/training.ts: losses, gradient norms and parameters of a few steps of training. */
export const TRAINING = "ae390ac712f23b45c3d3bd80eb49f99bf0bf610f25ae6e0463ed0e6c4ae4f627";
