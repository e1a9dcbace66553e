# workerd serve examples/08-edge/config.capnp, after esbuild has written build/ (examples/README.md).
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:8787", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  compatibilityDate = "2026-01-01",
  modules = [
    (name = "worker.js", esModule = embed "build/worker.js"),
    (name = "kernels.wasm?module", wasm = embed "build/kernels.wasm"),
  ],
);
