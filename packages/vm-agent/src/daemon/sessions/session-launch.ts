/** What a session's host is told to do: `host.json`, written before the host is started. No secret is in it. */
import type { Result } from "@samovar/base";
import { err, errorMessage, ok } from "@samovar/base";
import type { Failure, HostLaunch } from "@samovar/contracts";
import { PROTOCOL_VERSION } from "@samovar/contracts";
import { join } from "node:path";
import { writePrivateFile } from "../private-file.ts";
import type { SessionRow, WorkspaceRow } from "../store/rows.ts";
import { checkoutPlaces } from "../workspaces/places.ts";

export interface LaunchInput {
  readonly session: SessionRow;
  readonly workspace: WorkspaceRow;
  /** argv of the agent. */
  readonly command: string[];
  readonly node: Pick<HostLaunch, "controlPlaneUrl" | "nodeId" | "epoch">;
  readonly stateDir: string;
  /** What the session's processes carry. */
  readonly mark: string;
}

/** A disk that is full must not leave the session without an end. */
export function writeLaunch(directory: string, input: LaunchInput): Result<null, Failure> {
  try {
    writePrivateFile(join(directory, "host.json"), `${JSON.stringify(hostLaunchOf(input), null, 2)}\n`);
    return ok(null);
  } catch (error) {
    return err({ code: "launch_failed", message: `The agent could not be started: ${errorMessage(error)}` });
  }
}

function hostLaunchOf({ session: { args }, workspace, command, node, stateDir, mark }: LaunchInput): HostLaunch {
  const places = checkoutPlaces(stateDir, workspace.place);
  // Names the server that this is, for whoever ends a server's processes.
  const server = process.env["SAMOVAR_SERVER_ID"];
  const projectId = workspace.args.projectId;
  if (projectId === null) throw new Error("a session without a project has nowhere to keep its messages");
  return {
    ...node,
    protocol: PROTOCOL_VERSION,
    workspaceId: args.workspaceId,
    projectId,
    sessionId: args.sessionId,
    mark,
    cwd: places.repo,
    home: places.home,
    agent: {
      kind: args.agent.kind,
      command,
      env: { ...args.agent.env, ...(server === undefined ? {} : { SAMOVAR_SERVER_ID: server }) },
      gateway: args.agent.gateway,
      secretEnv: args.agent.secretEnv,
    },
    model: args.model,
    permissionMode: args.permissionMode,
    setupTimeoutMs: args.setupTimeoutMs,
    prompt: args.prompt,
    idleTimeoutMs: args.idleTimeoutMs,
    maxDurationMs: args.maxDurationMs,
  };
}
