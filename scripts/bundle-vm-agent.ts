/** Bundles the vm-agent as nodes get it: one CommonJS module for Node 24, which Node can make a startup snapshot of. */
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import { builtinsOnDemand } from "./builtins-on-demand.ts";

/** `plugins` may change the sources. */
export async function bundleVmAgent(plugins: readonly Plugin[] = []): Promise<Uint8Array> {
  const result = await build({
    entryPoints: [join(import.meta.dirname, "../packages/vm-agent/src/main.ts")],
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: "node24",
    legalComments: "none",
    // Smaller files parse faster at each start; names stay for stack traces.
    minifyWhitespace: true,
    minifySyntax: true,
    logLevel: "warning",
    plugins: [builtinsOnDemand, ...plugins],
  });
  const [file] = result.outputFiles;
  if (file === undefined) throw new Error("esbuild made no vm-agent");
  return file.contents;
}
