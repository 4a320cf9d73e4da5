/**
 * Loads Node's built-in modules in a bundle on demand. An `import` at the top would load all of them in
 * each process, with everything behind their exports: importing `node:http` loads all of Node's fetch.
 */
import type { Plugin } from "esbuild";

/** Slow modules that a process may not need: loaded when one of their exports is used. */
const LAZY = new Set(["node:child_process", "node:fs/promises", "node:util"]);

export const builtinsOnDemand: Plugin = {
  name: "builtins-on-demand",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === "import-statement" ? { path, namespace: "builtin" } : { path, external: true },
    );
    onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => {
      const got = `process.getBuiltinModule(${JSON.stringify(path)})`;
      // As a prototype, because the bundle copies an object's own properties, which would load them all at once.
      const lazy = `Object.create(new Proxy({}, { get: (_, name) => ${got}[name] }))`;
      return { contents: `module.exports = ${LAZY.has(path) ? lazy : got};` };
    });
  },
};
