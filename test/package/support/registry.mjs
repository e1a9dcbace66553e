// A registry of one package: projects install the tarball by its name, as they will from a real one.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

/** Serves `tarball` as the only version of the package that `manifest` describes; resolves to the address and an end. */
export async function serveRegistry(tarball, manifest) {
  const bytes = readFileSync(tarball);
  const { name, version } = manifest;
  const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  const server = createServer(({ url }, response) => {
    const origin = `http://127.0.0.1:${server.address().port}`;
    if (url === `/${name}.tgz`) return response.end(bytes);
    if (url !== `/${name}`) return response.writeHead(404).end();
    const dist = { tarball: `${origin}/${name}.tgz`, integrity };
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({ name, "dist-tags": { latest: version }, versions: { [version]: { ...manifest, dist } } }),
    );
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { address: `http://127.0.0.1:${server.address().port}`, stop };
}
