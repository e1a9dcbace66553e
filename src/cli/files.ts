/** Files and the standard output as the commands use them, and errors that are one line. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** What the user can do something about: shown as one line, without a stack. */
export class UserError extends Error {}

/**
 * Whether the user can do something about it: a UserError, or what a check of the package says of an input, which begins with the
 * name of the call and a colon. What engines throw (a stack that overflows, a property of undefined) does not.
 */
export const isOfUser = (error: unknown): error is Error =>
  error instanceof UserError ||
  ((error instanceof RangeError || error instanceof TypeError) && /^[\w.-]+: /.test(error.message));

/** All that a command says goes through here, but for the text of generate, which comes piece by piece. */
export function print(text: string): void {
  console.log(text);
}

/** The bytes of a file. `hint`: where to get such a file. */
export function readBytes(path: string, hint = ""): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UserError(`cannot read ${path} (${(error as NodeJS.ErrnoException).code})${hint && `. ${hint}`}`);
  }
}

/** Writes a new file and renames it, so that a file with this name is always whole. */
export function writeWhole(path: string, contents: string | Uint8Array): void {
  const half = `${path}.${process.pid}.new`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    try {
      writeFileSync(half, contents);
      renameSync(half, path);
    } catch (error) {
      rmSync(half, { force: true });
      throw error;
    }
  } catch (error) {
    throw new UserError(`cannot write ${path} (${(error as NodeJS.ErrnoException).code})`);
  }
}
