/** Builds a vm-agent of the previous version: the same sources with the previous protocol version. */
import { PROTOCOL_VERSION } from "@samovar/contracts";
import { bundleVmAgent } from "../../scripts/bundle-vm-agent.ts";

export async function previousAgent(): Promise<Uint8Array> {
  return bundleVmAgent([
    {
      name: "previous-protocol",
      setup: (builder) => {
        builder.onLoad({ filter: /contracts[\\/]src[\\/]version\.ts$/ }, () => ({
          contents: `export const PROTOCOL_VERSION = ${PROTOCOL_VERSION - 1};`,
          loader: "ts",
        }));
      },
    },
  ]);
}
