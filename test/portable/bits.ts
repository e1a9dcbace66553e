/**
 * What every host computes in the plain build, at any number of threads: the hash of support/digest.ts. It changes with the order of a sum, and
 * with the cases; `npm run test:bits` prints that of this machine.
 */
export const BITS = "29c00b890221aa545508c04201ca86dc0afa8d1ee618eaed642d1ce7df896c64";

/** The same of support/training.ts: losses, gradient norms and parameters of a few steps of training; log-mel features. */
export const TRAINING = "f82a033f4b9fadff74c9e211fa279d234d43814cd4145ba6acc971e5141f8640";
