/**
 * Loads Node's built-in modules in a bundle on demand. An `import` at the top would load all of them in each process, with
 * everything behind their exports; and a startup snapshot cannot hold most of them.
 */
import type { Plugin } from "esbuild";

/** Cheap, part of every snapshot, and extended or called while modules are loaded. */
const AT_ONCE = new Set(["node:buffer", "node:events", "node:path", "node:stream"]);

export const builtinsOnDemand: Plugin = {
  name: "builtins-on-demand",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === "import-statement" ? { path, namespace: "builtin" } : { path, external: true },
    );
    onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => {
      const got = `process.getBuiltinModule(${JSON.stringify(path)})`;
      // As a prototype, because the bundle copies an object's own properties, which would load them all at once.
      const onDemand = `let it; module.exports = Object.create(new Proxy({}, { get: (_, name) => (it ??= ${got})[name] }));`;
      return { contents: AT_ONCE.has(path) ? `module.exports = ${got};` : onDemand };
    });
  },
};
