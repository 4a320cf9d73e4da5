/**
 * Node's own modules in a bundle, got by a call when they are needed. An `import` at the top would load all of them in
 * each process, and all that their exports lead to: importing `node:http` loads Node's whole fetch.
 */
import type { Plugin } from "esbuild";

/** Those that take long, and of which a process may need nothing: got when something of them is used. */
const LAZY = new Set(["node:child_process", "node:fs/promises", "node:util"]);

export const builtinsOnDemand: Plugin = {
  name: "builtins-on-demand",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === "import-statement" ? { path, namespace: "builtin" } : { path, external: true },
    );
    onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => {
      const got = `process.getBuiltinModule(${JSON.stringify(path)})`;
      // As a prototype: the bundle copies what an object has itself, and that would get it all at once.
      const lazy = `Object.create(new Proxy({}, { get: (_, name) => ${got}[name] }))`;
      return { contents: `module.exports = ${LAZY.has(path) ? lazy : got};` };
    });
  },
};
