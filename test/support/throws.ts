import * as assert from "uvu/assert";

type ErrorType = typeof TypeError | typeof RangeError;

/** `call` throws exactly this type of error, and its message holds every one of `parts`. */
export function throws(call: () => unknown, type: ErrorType, ...parts: string[]): void {
  let error: unknown;
  try {
    call();
  } catch (caught) {
    error = caught;
  }
  if (error === undefined)
    assert.unreachable(`expected a ${type.name} with "${parts.join('", "')}", nothing was thrown`);
  assert.ok(error instanceof type, `expected a ${type.name}, got ${error}`);
  const { message } = error as Error;
  for (const part of parts) assert.ok(message.includes(part), `expected "${part}" in the message "${message}"`);
}
