/**
 * What every host computes in the plain build, at any number of threads: the hash of support/digest.ts. It changes with the order of a sum, and
 * with the cases; `npm run test:bits` prints that of this machine.
 */
export const BITS = "29c00b890221aa545508c04201ca86dc0afa8d1ee618eaed642d1ce7df896c64";

/** The same of support/training.ts: losses, gradient norms and parameters of a few steps of training; log-mel features. */
export const TRAINING = "3d1cee82eeac80d101a2ff600c6edcb97d651de564fbbb649463a1cfc62373f2";
