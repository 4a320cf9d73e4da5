/** Builds a vm-agent of the previous version: the same sources with the previous protocol version. */
import { join } from "node:path";
import { PROTOCOL_VERSION } from "@samovar/contracts";
import { build } from "esbuild";

const root = join(import.meta.dirname, "../..");

export async function previousAgent(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(root, "packages/vm-agent/src/main.ts")],
    bundle: true,
    write: false,
    platform: "node",
    format: "esm",
    target: "node24",
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    plugins: [
      {
        name: "previous-protocol",
        setup: (builder) => {
          builder.onLoad({ filter: /contracts[\\/]src[\\/]version\.ts$/ }, () => ({
            contents: `export const PROTOCOL_VERSION = ${PROTOCOL_VERSION - 1};`,
            loader: "ts",
          }));
        },
      },
    ],
    logLevel: "warning",
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error("esbuild made no vm-agent");
  return file.text;
}
