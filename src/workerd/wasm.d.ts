declare module "*.wasm?module" {
  const module: import("../host.js").Module;
  export default module;
}
