/**
 * Records each command together with the work that it requests, in one transaction; keepers and supervisors do the work.
 * An acknowledged command is therefore carried out whatever dies in between, and a duplicate has no effect.
 */
import type { Logger } from "@samovar/base";
import { assertNever } from "@samovar/base";
import type { Command, WorkspaceCreateArgs } from "@samovar/contracts";
import { createEndWithoutStart } from "./sessions/session-end.ts";
import type { DaemonStore } from "./store/store.ts";
import { chooseDirectoryName } from "./workspaces/workspace-paths.ts";

export interface CommandPorts {
  readonly store: DaemonStore;
  readonly logger: Logger;
  /** The directory name of the standby host that the workspace takes over, or null. */
  adoptStandby(args: WorkspaceCreateArgs): string | null;
}

/** False when the command was recorded before. */
export function acceptCommand(command: Command, ports: CommandPorts): boolean {
  const { store, logger } = ports;
  const isNew = store.transaction(() => {
    if (!store.recordCommand(command)) return false;
    recordIntent(command, ports);
    return true;
  });
  logger.info("command.received", { n: command.n, id: command.id, kind: command.kind, isNew });
  return isNew;
}

/** Records a command of an unknown kind, so that it is not resent for ever, and reports it as a fault. */
export function refuseCommand(
  command: { readonly n: number; readonly id: string; readonly kind: string },
  { store, logger }: Pick<CommandPorts, "store" | "logger">,
): void {
  logger.warn("command.rejected", command);
  store.transaction(() => {
    if (!store.recordCommand(command)) return;
    const message = `This vm-agent does not understand the command ${command.kind} (${command.id}).`;
    store.append({ kind: "fault", workspaceId: null, code: "unknown_command", message });
  });
}

function recordIntent(command: Command, { store, adoptStandby }: CommandPorts): void {
  switch (command.kind) {
    case "workspace.create":
      return recordWorkspace(command.args, store, adoptStandby);
    case "workspace.destroy":
      return recordRemoval(command.args.workspaceId, store);
    case "session.start":
      return recordSession(command.args, store);
    case "session.cancel":
      if (store.session(command.args.sessionId)?.cancelReason === null) {
        store.setSession(command.args.sessionId, { cancelReason: command.args.reason });
      }
      return;
    case "node.drain":
      return store.setFact("draining", "yes");
    default:
      return assertNever(command);
  }
}

function recordWorkspace(
  args: WorkspaceCreateArgs,
  store: DaemonStore,
  adoptStandby: CommandPorts["adoptStandby"],
): void {
  const { workspaceId } = args;
  if (store.fact("draining") !== null && store.workspace(workspaceId) === null) {
    const failure = { code: "node_draining", message: "The node is draining and accepts no new work." };
    return store.append({ kind: "workspace.failed", workspaceId, failure });
  }
  if (store.workspace(workspaceId) !== null) return;
  const taken = new Set(store.workspaces().map((workspace) => workspace.directoryName));
  const directoryName = adoptStandby(args) ?? chooseDirectoryName(workspaceId, (each) => taken.has(each));
  store.addWorkspace(args, directoryName);
}

function recordRemoval(workspaceId: WorkspaceCreateArgs["workspaceId"], store: DaemonStore): void {
  if (store.workspace(workspaceId) === null) return store.append({ kind: "workspace.destroyed", workspaceId });
  store.setWorkspace(workspaceId, { state: "destroying" });
  for (const session of store.sessions()) {
    if (session.workspaceId === workspaceId && session.cancelReason === null) {
      store.setSession(session.id, { cancelReason: "The workspace is being removed." });
    }
  }
}

function recordSession(args: Extract<Command, { kind: "session.start" }>["args"], store: DaemonStore): void {
  const { workspaceId, sessionId } = args;
  if (store.workspace(workspaceId) !== null) {
    store.setFact("last_agent", JSON.stringify(args.agent));
    return store.addSession(args);
  }
  const failure = { code: "workspace_not_ready", message: "The session's workspace is not on this node." };
  store.append({ kind: "session.ended", workspaceId, sessionId, end: createEndWithoutStart("error", failure) });
}
