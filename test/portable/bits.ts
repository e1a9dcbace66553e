/**
 * What every host computes in the plain build, at any number of threads: the hash of support/digest.ts. It changes with the order of a sum, and
 * with the cases; `npm run test:bits` prints that of this machine.
 */
export const BITS = "29c00b890221aa545508c04201ca86dc0afa8d1ee618eaed642d1ce7df896c64";

/** The same of support/training.ts: losses, gradient norms and parameters of a few steps of training; log-mel features. */
export const TRAINING = "78712a2a9c6a40d69648252124dd926cc857527d06c85d7c7b90c2324e0776d9";
