/** workerd: what is expected comes as a request, the outcome is the answer. */
import { runAll } from "../main.js";

export default {
  async fetch(request: Request): Promise<Response> {
    try {
      return Response.json(await runAll((await request.json()) as Parameters<typeof runAll>[0]));
    } catch (error) {
      return new Response(String((error as Error).stack ?? error), { status: 500 });
    }
  },
};
