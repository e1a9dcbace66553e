# The portable tests as a worker, and the kernels as modules of it, which edge hosts compile when they deploy.
using Workerd = import "/workerd/workerd.capnp";

const sockets :List(Workerd.Socket) = [(name = "http", address = "127.0.0.1:0", http = (), service = "portable")];
const date :Text = "2026-01-01";

const kernels :Workerd.Worker.Module = (name = "kernels.wasm", wasm = embed "../../dist/kernels.wasm");
const relaxed :Workerd.Worker.Module = (name = "kernels.relaxed.wasm", wasm = embed "../../dist/kernels.relaxed.wasm");
const threads :Workerd.Worker.Module = (name = "kernels.threads.wasm", wasm = embed "../../dist/kernels.threads.wasm");
const nn :Workerd.Worker.Module = (name = "nn.wasm", wasm = embed "../../dist/nn.wasm");
const nnRelaxed :Workerd.Worker.Module = (name = "nn.relaxed.wasm", wasm = embed "../../dist/nn.relaxed.wasm");

const workerd :Workerd.Config = (
  sockets = .sockets,
  services = [(name = "portable", worker = (compatibilityDate = .date, modules = [
    (name = "workerd.js", esModule = embed "../../build/portable/workerd/workerd.js"),
    .kernels, .relaxed, .threads, .nn, .nnRelaxed,
  ]))],
);
