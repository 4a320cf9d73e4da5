/** A control plane on loopback that serves the real vm-agent, and the user data that it would give a new node. */
import { sha256 } from "@samovar/base/sha256";
import { renderUserData } from "@samovar/cloud-init";
import { TestControlPlane } from "@samovar/vm-agent/daemon/control-plane.testing";
import { bundleVmAgent } from "../../scripts/bundle-vm-agent.ts";

export interface FirstBoot {
  readonly plane: TestControlPlane;
  readonly userData: string;
}

const PATH = "/agent/vm-agent.cjs";

export async function prepareFirstBoot(environment: Readonly<Record<string, string>> = {}): Promise<FirstBoot> {
  const plane = await new TestControlPlane().start();
  const bundle = await bundleVmAgent();
  plane.files.set(PATH, bundle);
  const userData = renderUserData({
    agent: {
      controlPlaneUrl: plane.url,
      nodeId: plane.nodeId,
      bootstrapToken: plane.bootstrapToken,
      stateDir: "/var/lib/samovar",
    },
    release: { version: "0.1.0", path: PATH, sha256: sha256(bundle) },
    hostname: "samovar-first-boot",
    environment: environment as Parameters<typeof renderUserData>[0]["environment"],
  });
  return { plane, userData };
}
