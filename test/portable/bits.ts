/**
 * What every host computes in the plain build, at any number of threads: the hash of support/digest.ts. It changes with the order of a sum, and
 * with the cases; `npm run test:bits` prints that of this machine.
 */
export const BITS = "02060c9b8e5e01e01941d9de1cad1ab56c8f8dc2a012f10f6421f06eb6ec6f94";

/** The same of support/training.ts: losses, gradient norms and parameters of a few steps of training; log-mel features. */
export const TRAINING = "3d1cee82eeac80d101a2ff600c6edcb97d651de564fbbb649463a1cfc62373f2";
