/** For tests: sandboxes with their networks on this machine, each as one session has it: with its own user where the tests run as root. */
import { chmodSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { silentLogger, systemTimers } from "@samovar/base";
import type { Outside } from "../../egress/outside.testing.ts";
import { giveTree, makePlaces, PASSABLE } from "../../users/places.ts";
import { CAN_CHANGE_USERS, giveUser } from "../../users/users.testing.ts";
import { type RuntimeChoice, createHostSandbox } from "../choose-runtime.ts";
import { createRuntime } from "../create-runtime.ts";
import type { WorkspaceRuntime } from "../runtime.ts";
import { createWorkspaceNetwork } from "./create-network.ts";
import type { WorkspaceNetwork } from "./workspace-network.ts";

export const SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin";

export interface NetworkRig {
  readonly runtime: WorkspaceRuntime;
  /** Null with the process runtime. */
  readonly network: WorkspaceNetwork | null;
  /** Runs a shell line as the agent would, and returns its output. `node` is this Node. */
  run(line: string, env?: Readonly<Record<string, string>>): Promise<string>;
  /** What the test has written into the workspace's places belongs to the workspace's user from now on. */
  give(): Promise<void>;
  end(): Promise<void>;
}

/** `choice`: which runtime. */
export async function openRig(node: string, choice: RuntimeChoice, outside?: Outside): Promise<NetworkRig> {
  const workspace = mkdtempSync(join(node, "workspace-"));
  const [checkout, home, tmp] = [join(workspace, "repo"), join(workspace, "home"), join(workspace, "tmp")];
  const user = CAN_CHANGE_USERS ? await giveUser(workspace) : null;
  if (user !== null) chmodSync(node, PASSABLE);
  makePlaces({ repo: checkout, home, tmp }, user);
  const sandbox = createHostSandbox(choice, { repo: checkout, tmp });
  const network = createWorkspaceNetwork({ sandbox }, { log: silentLogger, outside });
  await network?.start();
  const mark = `network-${workspace}`;
  const runtime = createRuntime({ places: { checkout, home }, user, sandbox, network, mark, timers: systemTimers });
  return {
    runtime,
    network,
    run: async (line, env = {}) => {
      const base = { PATH: SYSTEM_PATH, HOME: runtime.seen.home, NODE: process.execPath, SAMOVAR_SESSION: mark };
      const started = runtime.start({
        argv: ["sh", "-c", line],
        env: { ...base, ...env },
        stdin: "none",
        leavesServices: false,
      });
      let output = "";
      for (const pipe of [started.stdout, started.stderr])
        pipe.on("data", (bytes: Buffer) => (output += bytes.toString()));
      await started.exited;
      return output.trim();
    },
    give: async () => {
      for (const place of [checkout, home]) await giveTree(place, user);
    },
    end: async () => {
      await runtime.end();
      await network?.close();
      await user?.end();
    },
  };
}

/** A shell line that prints `reached` if a connection is accepted, or the error's code. `options`: of `net.connect`, as code. */
export const connecting = (options: string): string =>
  `"$NODE" -e 'require("net").connect(${options}).on("connect", () => (console.log("reached"), process.exit())).on("error", (error) => console.log(error.code))'`;
