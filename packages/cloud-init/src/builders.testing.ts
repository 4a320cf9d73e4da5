/** Valid input for tests. */
import { nodeId } from "@samovar/contracts";
import type { UserDataInput } from "./render.ts";

export function userDataInput(
  over: {
    agent?: Partial<UserDataInput["agent"]>;
    release?: Partial<UserDataInput["release"]>;
    environment?: UserDataInput["environment"];
  } = {},
): UserDataInput {
  return {
    agent: {
      controlPlaneUrl: "http://127.0.0.1:7266",
      nodeId: nodeId.parse("nod_01kamhsyv70000000000000000"),
      bootstrapToken: "0123456789abcdefghij",
      stateDir: "/var/lib/samovar",
      ...over.agent,
    },
    release: { version: "0.1.0", path: "/agent/vm-agent-0.1.0.cjs", sha256: "ab".repeat(32), ...over.release },
    environment: { ...over.environment },
    hostname: "samovar-nod-01kamhsyv7",
  };
}
