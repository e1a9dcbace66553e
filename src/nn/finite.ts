/** What a training loop says when numbers have gone wrong. */
import { show } from "../check.js";
import { integer } from "../check-number.js";
import { checkModule, type Module } from "./module.js";
import type { Parameter } from "./value.js";

/**
 * Throws when the loss or the norm of all gradients is NaN or infinite, and says at which step, and where it began: a parameter that
 * is not finite itself, else the first gradient that is not, in the order of the backward pass, which is from the last
 * parameter to the first; where none is finite that says little, and the largest parameter is named too. Costs nothing as long as
 * both are finite: only then is anything looked at.
 *
 * Call it behind `optimizer.step`, which leaves the parameters as they were where the norm is not finite.
 *
 * @example
 * const loss = nn.step(() => model.loss(ids, targets));
 * checkFinite(model, { step: 7, loss, norm: optimizer.step({ lr: 1e-3, clip: 1 }) });
 *
 * @throws RangeError
 */
export function checkFinite(model: Module, given: { step: number; loss: number; norm: number }): void {
  const { step, loss, norm } = given ?? {};
  if (Number.isFinite(loss) && Number.isFinite(norm)) return;
  const where = "checkFinite";
  checkModule(where, model);
  integer(where, "step", step, 0);
  for (const [name, value] of Object.entries({ loss, norm })) {
    if (typeof value !== "number") throw new TypeError(`${where}: ${name} must be a number, got ${show(value)}`);
  }
  const parameters = [...model.parameters];
  const what = `step ${step}: the loss is ${loss}, the norm of the gradients ${norm}`;
  const own = first(parameters, ({ tensor }) => tensor.data);
  if (own !== undefined) throw new RangeError(`${what}; before the step already, ${own.text}`);
  const found = Number.isFinite(norm) ? undefined : first(parameters.reverse(), ({ held }) => held?.data);
  if (found === undefined) throw new RangeError(`${what}; all parameters and all gradients are finite`);
  const taken = parameters.filter(([, { requiresGrad }]) => requiresGrad).length;
  const all = found.count === taken ? `; ${largest(model)}` : "";
  throw new RangeError(
    `${what}; the first gradient that is not finite is that of ${found.text} (${found.count} of ${taken} are not)${all}`,
  );
}

/** The parameter with the largest element, or one that is not finite. */
export function largest({ parameters }: Module): string {
  let [found, size] = ["", -1];
  for (const [name, { tensor }] of parameters) {
    for (const x of tensor.data) {
      if (Math.abs(x) <= size) continue;
      [found, size] = [name, Math.abs(x)];
    }
  }
  return `the largest parameter is ${found}, up to ${size}`;
}

/** The first of the parameters whose data is not finite, and how many there are. */
function first(
  parameters: readonly (readonly [string, Parameter])[],
  dataOf: (parameter: Parameter) => Float32Array | undefined,
): { text: string; count: number } | undefined {
  const bad = parameters.flatMap(([name, parameter]) => {
    const data = dataOf(parameter);
    const at = data?.findIndex((x) => !Number.isFinite(x)) ?? -1;
    return at < 0 ? [] : [`${name}: ${data![at]} at ${at} of ${show(parameter.shape)}`];
  });
  return bad.length === 0 ? undefined : { text: bad[0]!, count: bad.length };
}
