declare module "*.wasm" {
  const module: import("../host.js").Module;
  export default module;
}
