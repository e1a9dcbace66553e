// What the tests in this folder share: where things are, how to run a program, what to do where something is missing.
import { fileURLToPath } from "node:url";
import { run, strict } from "../../../scripts/programs.mjs";

export { run };

export const root = fileURLToPath(new URL("../../..", import.meta.url));
export const here = fileURLToPath(new URL("..", import.meta.url));

/**
 * What main.mjs has prepared: `folder` is an empty place for projects, `tarball` the packed package, `registry` the address
 * that serves it, and `installed` the package as npm has installed it in `project`.
 */
export const context = () => JSON.parse(process.env.PACKAGE_TEST ?? fail("run npm run test:package"));

/** Runs a program; anything other than exit code 0 is an error that shows the output. Resolves to standard output. */
export async function succeed(command, args, options) {
  const { code, stdout, stderr } = await run(command, args, options);
  if (code === 0) return stdout;
  throw new Error(`${[command, ...args].join(" ")}: exit code ${code}\n${stdout}${stderr}`);
}

/** Skips a test for want of something, and says so; where CI is set, nothing may be missing. */
export function missing(t, what) {
  if (strict) fail(`${what}, and CI is set`);
  t.skip(what);
}

export function fail(why) {
  throw new Error(why);
}
