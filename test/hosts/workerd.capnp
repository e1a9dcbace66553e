# The portable tests as a worker, and the kernels as modules of it, which edge hosts compile when they deploy.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "portable", worker = .portable)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "portable")],
);

const portable :Workerd.Worker = (
  modules = [
    (name = "workerd.js", esModule = embed "../../build/portable/workerd/workerd.js"),
    (name = "kernels.wasm", wasm = embed "../../dist/kernels.wasm"),
    (name = "kernels.relaxed.wasm", wasm = embed "../../dist/kernels.relaxed.wasm"),
    (name = "nn.wasm", wasm = embed "../../dist/nn.wasm"),
    (name = "nn.relaxed.wasm", wasm = embed "../../dist/nn.relaxed.wasm"),
    (name = "kernels.threads.wasm", wasm = embed "../../dist/kernels.threads.wasm"),
  ],
  compatibilityDate = "2026-01-01",
);
