/** Bundles the vm-agent as nodes get it: one module for Node 24. */
import { join } from "node:path";
import { build } from "esbuild";
import { builtinsOnDemand } from "./builtins-on-demand.ts";

export async function bundleVmAgent(): Promise<Uint8Array> {
  const result = await build({
    entryPoints: [join(import.meta.dirname, "../packages/vm-agent/src/main.ts")],
    bundle: true,
    write: false,
    platform: "node",
    format: "esm",
    target: "node24",
    // Dependencies written as CommonJS still call `require` for Node's own modules.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    legalComments: "none",
    // Smaller files parse faster at each start; names stay for stack traces.
    minifyWhitespace: true,
    minifySyntax: true,
    logLevel: "warning",
    plugins: [builtinsOnDemand],
  });
  const [file] = result.outputFiles;
  if (file === undefined) throw new Error("esbuild made no vm-agent");
  return file.contents;
}
