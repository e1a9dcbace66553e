/**
 * What every host computes in the plain build, at any number of threads: the hash of support/digest.ts. It changes with the order of a sum, and
 * with the cases; `npm run test:bits` prints that of this machine.
 */
export const BITS = "a7cdb4b7fa1694efe4165e45b4adffa0e85ffe3457bbe5e64b7c68819923f78c";

/** The same of support/training.ts: losses, gradient norms and parameters of a few steps of training; log-mel features. */
export const TRAINING = "3d1cee82eeac80d101a2ff600c6edcb97d651de564fbbb649463a1cfc62373f2";
