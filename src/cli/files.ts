/** Files and the standard output as the commands use them, and errors that are one line. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { printable } from "../check.js";

/** What the user can do something about: shown as one line, without a stack. */
export class UserError extends Error {}

/**
 * Whether the user can do something about it: a UserError, or what a check of the package says of an input, which begins with the
 * name of the call and a colon. What engines throw (a stack that overflows, a property of undefined) does not.
 */
export const isOfUser = (error: unknown): error is Error =>
  error instanceof UserError ||
  ((error instanceof RangeError || error instanceof TypeError) && /^[\w.-]+: /.test(error.message));

/** The text with what a terminal obeys escaped, newline and tab aside. Names, paths and messages may come from files that others made. */
export const visible = (text: string): string => text.replace(/[^\n\t]+/g, printable);

/** How an error of memory ends, for programs (src/arena.ts); and here. */
const API_ADVICE = /; dispose and scope give .*/;
const LESS = "; a smaller batch, context or model needs less";

/** Says on the error stream what went wrong, in one line where it is the user's; the exit code is 1. */
export function complain(error: unknown): void {
  const said = isOfUser(error)
    ? printable(error.message.replace(/^(laser-attention: )?/, "laser-attention: ").replace(API_ADVICE, LESS))
    : visible(`${(error as Error).stack}`);
  process.stderr.write(`${said}\n`);
  process.exitCode = 1;
}

/** A line on the error stream that ends nothing. */
export const note = (text: string): void => void process.stderr.write(`${printable(`laser-attention: ${text}`)}\n`);

let closed = false;

/** Whether the standard output takes nothing more: what still computes may end. */
export const outputClosed = (): boolean => closed;

/** The output's errors do not end the process before training has saved. A reader that has gone (EPIPE, of Windows also EOF) needs no words. */
function close(error: unknown): void {
  if (closed) return;
  closed = true;
  const { code } = error as NodeJS.ErrnoException;
  const gone = code === "EPIPE" || code === "EOF";
  const before = process.exitCode;
  if (!gone) complain(new UserError(`cannot write to the standard output (${code})`));
  // 128 and the number of SIGPIPE, as of a program that it ended. A signal often ends the reader too: heard of first, it stays the reason.
  process.exitCode = before || (gone ? 141 : 1);
}

/** Has `write` hear of errors that come later. */
export function watchOutput(): void {
  process.stdout.on("error", close);
  process.stderr.on("error", () => {}); // the terminal was closed: there is nobody to tell
}

/** All that a command says goes through here. */
function put(text: string): void {
  if (closed) return;
  try {
    process.stdout.write(text);
  } catch (error) {
    close(error); // Deno throws
  }
}

/** A line of the command's own words, with names and paths in it. */
export const print = (text: string): void => put(`${visible(text)}\n`);

/** A line for programs: the same value, with escapes that a terminal does not obey. */
export const printJson = (value: unknown): void => put(`${printable(JSON.stringify(value))}\n`);

/** The text of a model: a file or a pipe gets its bytes, a terminal must not obey them. */
export const write = (text: string): void => put(process.stdout.isTTY === true ? visible(text) : text);

/** A path as a shell takes it; of Windows a backslash at its end would quote the quote, unless it stands twice. */
export function shellWord(path: string): string {
  if (/^[\w@%+=:,./-]+$/.test(path)) return path;
  return process.platform === "win32" ? `"${path.replace(/\\+$/, "$&$&")}"` : `'${path.replaceAll("'", "'\\''")}'`;
}

/** A text as those in files are read: lines end with LF. */
export const withLf = (text: string): string => text.replaceAll("\r\n", "\n");

/** The bytes of a file. `hint`: where to get such a file. */
export function readBytes(path: string, hint = ""): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UserError(`cannot read ${path} (${(error as NodeJS.ErrnoException).code})${hint && `. ${hint}`}`);
  }
}

/**
 * The same path, which a file names and not the user (as `named`), where it is not of a device or a pipe, which one may read without end, nor
 * of another machine, to which Windows would tell who asks. What else is wrong with it, its reader says.
 */
export function checkEnds(path: string, named = path): string {
  if (process.platform === "win32" && /^[\\/]{2}/.test(named)) {
    throw new UserError(`${named} must be a path of this machine, got one of another: name it yourself`);
  }
  let found: Stats;
  try {
    found = statSync(path);
  } catch {
    return path;
  }
  if (found.isFile() || found.isDirectory()) return path;
  throw new UserError(`${path} must be a file, got a device or a pipe`);
}

/** How the name of a file that is being written ends: with the process that writes it. */
const HALF = /\.(\d+)\.new$/;

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // it is there, and another user's
  }
}

/** Removes what programs that were killed in the middle of `writeWhole` left. */
export function removeHalves(path: string): void {
  const folder = dirname(path);
  try {
    for (const name of readdirSync(folder)) {
      const pid = name.startsWith(`${basename(path)}.`) ? HALF.exec(name)?.[1] : undefined;
      if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(folder, name), { force: true });
    }
  } catch {
    // No such folder, or none that can be read: what is written into it tells.
  }
}

/** A sync client or a virus scanner that has a file open: Windows refuses to replace it meanwhile. */
const BUSY = ["EPERM", "EACCES", "EBUSY"];
const [TRIES, PAUSE_MS] = [30, 100];

/** Renames, on Windows for some seconds again and again where something is in the way that may go. */
function replace(from: string, to: string): void {
  for (let left = process.platform === "win32" ? TRIES : 1; ; left--) {
    try {
      renameSync(from, to);
      return;
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      if (left === 1 || !BUSY.includes(code) || statSync(to, { throwIfNoEntry: false })?.isDirectory()) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
}

/** Writes a new file, to the disk, and renames it, so that a file with this name is always whole. */
export function writeWhole(path: string, contents: string | Uint8Array): void {
  const half = `${path}.${process.pid}.new`;
  try {
    // Of a drive of Windows mkdir says EPERM, even where it has nothing to make.
    if (!existsSync(dirname(path))) mkdirSync(dirname(path), { recursive: true });
    rmSync(half, { force: true }); // of a process before that had the same number
    try {
      // wx: a link with this name, which can be guessed, must not say which file is written.
      writeFileSync(half, contents, { flag: "wx", flush: true });
      replace(half, path);
    } catch (error) {
      rmSync(half, { force: true });
      throw error;
    }
  } catch (error) {
    throw new UserError(`cannot write ${path} (${(error as NodeJS.ErrnoException).code})`);
  }
}
