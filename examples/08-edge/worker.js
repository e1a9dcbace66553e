// An edge worker: POST { "rows": [[...], ...], "variant": "laser" } gives causal self-attention over the rows as JSON.
// The kernels come as a module that the host compiled when it loaded the worker (condition "workerd" of the package).
import { createSync } from "laser-attention";

const la = createSync({ maxMemory: 64 * 2 ** 20 });

function attend(rows, variant) {
  if (!Array.isArray(rows?.[0])) throw new TypeError("rows must be an array of arrays of numbers");
  const [N, D] = [rows.length, rows[0].length];
  const out = la.scope(() => {
    const x = la.tensor(Float32Array.from(rows.flat()), [1, 1, N, D]);
    return la.attention(x, x, x, { variant, causal: true }).toArray();
  });
  return rows.map((_, i) => [...out.subarray(i * D, (i + 1) * D)]);
}

export default {
  async fetch(request) {
    if (request.method !== "POST") return Response.json({ error: "POST rows and variant as JSON" }, { status: 405 });
    try {
      const { rows, variant } = await request.json();
      return Response.json({ out: attend(rows, variant) });
    } catch (error) {
      return Response.json({ error: error.message }, { status: 400 }); // says which argument is wrong, and why
    }
  },
};
