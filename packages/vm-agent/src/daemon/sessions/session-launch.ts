/** What a session's host finds when it starts: `host.json`, and its agent's files in the home directory. Neither holds a secret. */
import type { Result } from "@samovar/base";
import { err, errorMessage, ok } from "@samovar/base";
import type { Failure, HostLaunch, HostUser, WorkspaceLimits } from "@samovar/contracts";
import { OPEN_EGRESS, PROTOCOL_VERSION } from "@samovar/contracts";
import { getRepositoryHost } from "@samovar/domain/egress";
import { join } from "node:path";
import type { RuntimeChoice } from "../../runtime/choose-runtime.ts";
import { createHostSandbox } from "../../runtime/choose-runtime.ts";
import { createHostContainer } from "../../runtime/docker/choose-docker.ts";
import { SEEN } from "../../runtime/sandbox-arguments.ts";
import { writePrivateFile } from "../private-file.ts";
import type { SessionRow, WorkspaceRow } from "../store/rows.ts";
import { runAsUser } from "../../users/run-as-user.ts";
import { getCheckoutPaths } from "../workspaces/workspace-paths.ts";

export interface LaunchInput {
  readonly session: SessionRow;
  readonly workspace: WorkspaceRow;
  /** The workspace's user; null: the user of this process. */
  readonly user: HostUser | null;
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
export async function writeLaunch(directory: string, input: LaunchInput): Promise<Result<null, Failure>> {
  try {
    await writeHomeFiles(input);
    writePrivateFile(join(directory, "host.json"), `${JSON.stringify(createHostLaunch(input), null, 2)}\n`);
    return ok(null);
  } catch (error) {
    return err({ code: "launch_failed", message: `The agent could not be started: ${errorMessage(error)}` });
  }
}

const WRITE = 'umask 077; mkdir -p "${1%/*}" && cat >"$1.partial" && mv -f "$1.partial" "$1"';

/** Writes as the workspace's user: a standby agent may have left links in the home that lead elsewhere. */
async function writeHomeFiles({ session: { args }, workspace, user, stateDir, runtime }: LaunchInput): Promise<void> {
  const { home, repo } = getCheckoutPaths(stateDir, workspace.directoryName);
  const seen = runtime.kind === "process" ? repo : SEEN.checkout;
  for (const [path, text] of Object.entries(args.agent.homeFiles)) {
    await runAsUser(user, ["/bin/sh", "-c", WRITE, "sh", join(home, path)], text.replaceAll("{checkout}", seen));
  }
}

function createHostLaunch({ session: { args }, workspace, command, ...input }: LaunchInput): HostLaunch {
  const { node, user, stateDir, runtime, limits, mark } = input;
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
    user,
    sandbox: createHostSandbox(runtime, paths),
    limits,
    container: createHostContainer(runtime.container, paths, { project: projectId, command, limits, user }),
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
