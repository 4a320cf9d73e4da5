/** What a session's host finds when it starts: `host.json`, and its agent's files in the home directory. Neither holds a secret. */
import type { Result } from "@samovar/base";
import { err, errorMessage, ok } from "@samovar/base";
import type { Failure, HostLaunch, WorkspaceLimits } from "@samovar/contracts";
import { OPEN_EGRESS, PROTOCOL_VERSION } from "@samovar/contracts";
import { getRepositoryHost } from "@samovar/domain/egress";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { RuntimeChoice } from "../../runtime/choose-runtime.ts";
import { createHostSandbox } from "../../runtime/choose-runtime.ts";
import { createHostContainer } from "../../runtime/docker/choose-docker.ts";
import { SEEN } from "../../runtime/sandbox-arguments.ts";
import { writePrivateFile } from "../private-file.ts";
import type { SessionRow, WorkspaceRow } from "../store/rows.ts";
import { getCheckoutPaths } from "../workspaces/workspace-paths.ts";

export interface LaunchInput {
  readonly session: SessionRow;
  readonly workspace: WorkspaceRow;
  /** argv of the agent. */
  readonly command: string[];
  readonly node: Pick<HostLaunch, "controlPlaneUrl" | "nodeId" | "epoch">;
  readonly stateDir: string;
  readonly runtime: RuntimeChoice;
  readonly limits: WorkspaceLimits;
  /** The mark that the session's processes carry. */
  readonly mark: string;
}

/** A full disk is returned as a failure, so that the session still ends with a reason. */
export function writeLaunch(directory: string, input: LaunchInput): Result<null, Failure> {
  try {
    writeHomeFiles(input);
    writePrivateFile(join(directory, "host.json"), `${JSON.stringify(createHostLaunch(input), null, 2)}\n`);
    return ok(null);
  } catch (error) {
    return err({ code: "launch_failed", message: `The agent could not be started: ${errorMessage(error)}` });
  }
}

/** Nothing of the repository has run yet, so no link in the home directory leads elsewhere. */
function writeHomeFiles({ session: { args }, workspace, stateDir, runtime }: LaunchInput): void {
  const { home, repo } = getCheckoutPaths(stateDir, workspace.directoryName);
  const seen = runtime.kind === "process" ? repo : SEEN.checkout;
  for (const [path, text] of Object.entries(args.agent.homeFiles)) {
    const file = join(home, path);
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writePrivateFile(file, text.replaceAll("{checkout}", seen));
  }
}

function createHostLaunch({ session: { args }, workspace, command, ...input }: LaunchInput): HostLaunch {
  const { node, stateDir, runtime, limits, mark } = input;
  const paths = getCheckoutPaths(stateDir, workspace.directoryName);
  // The local cloud finds a server's processes by this variable.
  const server = process.env["SAMOVAR_SERVER_ID"];
  const projectId = workspace.args.projectId;
  if (projectId === null) throw new Error("a session without a project cannot store messages");
  return {
    ...node,
    protocol: PROTOCOL_VERSION,
    workspaceId: args.workspaceId,
    projectId,
    sessionId: args.sessionId,
    mark,
    cwd: paths.repo,
    home: paths.home,
    sandbox: createHostSandbox(runtime, paths),
    limits,
    container: createHostContainer(runtime.container, paths, { project: projectId, command, limits }),
    agent: {
      kind: args.agent.kind,
      command,
      env: { ...args.agent.env, ...(server === undefined ? {} : { SAMOVAR_SERVER_ID: server }) },
      gateway: args.agent.gateway,
      secretEnv: args.agent.secretEnv,
      repositorySettings: args.agent.repositorySettings,
      startingFiles: args.agent.startingFiles,
    },
    model: args.model,
    permissionMode: args.permissionMode,
    egress: args.egress ?? OPEN_EGRESS,
    repositoryHost: getRepositoryHost(workspace.args.repoUrl),
    setupTimeoutMs: args.setupTimeoutMs,
    prompt: args.prompt,
    idleTimeoutMs: args.idleTimeoutMs,
    maxDurationMs: args.maxDurationMs,
    ...(args.budget === undefined ? {} : { budget: args.budget }),
  };
}
