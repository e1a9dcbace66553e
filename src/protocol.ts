/**
 * The words through which the calling thread and the workers talk, 32 bits each in shared memory. Member r has a slot (a cache
 * line) of its own whose first word is its job: a number that changes with each job and whose lowest bit says which kernel
 * to run. Slot 0 is the calling thread's.
 */

/** Words from one slot to the next. */
export const SLOT = 16;

/** Workers that are done with the current job, workers that have started, and a worker that has no kernels or whose kernel trapped (0: none). */
export const DONE = 0;
export const READY = 1;
export const FAILED = 2;

export const JOB_KERNELS = ["attentionForward", "attentionBackward"] as const;
export type JobKernel = (typeof JOB_KERNELS)[number];

/** Looks before a thread goes to sleep, some 50 us: waking a sleeper takes 6 to 110 us, a looker less than 1. */
export const SPINS = 5000;
