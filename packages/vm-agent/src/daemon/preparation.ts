/**
 * The time in which a new node is still installing its tools: the node is connected and reports what it is waiting for. Commands are
 * accepted and stored; the daemon starts them afterwards. The user data's script removes the file `preparing` when it is done.
 */
import type { Clock, Logger, Random, Timers } from "@samovar/base";
import { dirname, join } from "node:path";
import type { VmAgentSettings } from "../settings.ts";
import { AGENT_VERSION } from "../settings.ts";
import { acceptCommand, refuseCommand } from "./commands.ts";
import { type EnrolledIdentity, type Identity, writeIdentity } from "./identity.ts";
import { Link } from "./link/link.ts";
import { readPrivateFile } from "./private-file.ts";
import { DaemonStore } from "./store/store.ts";

export interface PreparationPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
}

type Enrolled = EnrolledIdentity | Extract<Identity, { phase: "gone" }>;

const POLL_MS = 250;
/** Less than the limit of a runtime's reason. */
const REASON_MAX_CHARS = 500;

/** What the node is waiting for, in one line; null when its tools are installed. */
export function readWaiting({ file }: Pick<VmAgentSettings, "file">): string | null {
  const text = readPrivateFile(join(dirname(file), "preparing"));
  return text === null ? null : text.trim().slice(0, REASON_MAX_CHARS);
}

/** Resolves with the node's identity. Throws the reason of `stopping` when it is aborted. */
export async function waitUntilPrepared(
  identity: Enrolled,
  settings: VmAgentSettings,
  stopping: AbortSignal,
  ports: PreparationPorts,
): Promise<Enrolled> {
  if (identity.phase === "gone") return identity;
  const { logger } = ports;
  const store = new DaemonStore(join(settings.stateDir, "daemon.sqlite"), ports.clock);
  const gone = new AbortController();
  const watch = watchWaiting(settings, AbortSignal.any([stopping, gone.signal]), ports);
  const link = createLink(identity, settings, { ...ports, store }, watch.get, () => gone.abort());
  try {
    store.enterEpoch(identity.epoch);
    logger.info("node.preparing", { reason: watch.get() });
    link.start();
    await watch.untilPrepared(() => link.greet());
    logger.info("node.prepared");
    return identity;
  } catch (error) {
    if (!gone.signal.aborted) throw error;
    writeIdentity(settings.stateDir, { phase: "gone" });
    return { phase: "gone" };
  } finally {
    link.stop();
    store.close();
  }
}

/** `onChange`: called when the node waits for something else. */
function watchWaiting(settings: VmAgentSettings, signal: AbortSignal, { timers }: PreparationPorts) {
  let waiting = readWaiting(settings) ?? "";
  const untilPrepared = (onChange: () => void) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (signal.aborted) return reject(signal.reason);
        const now = readWaiting(settings);
        if (now === null) return resolve();
        // While the file is being written, it is empty.
        if (now !== waiting && now !== "") {
          waiting = now;
          onChange();
        }
        timers.after(POLL_MS, look);
      };
      look();
    });
  return { get: () => waiting, untilPrepared };
}

function createLink(
  { nodeToken, epoch }: EnrolledIdentity,
  settings: VmAgentSettings,
  ports: PreparationPorts & { readonly store: DaemonStore },
  getReason: () => string,
  onGone: () => void,
): Link {
  const { controlPlaneUrl, nodeId } = settings;
  const failure = {
    code: "unavailable",
    message: "The node is still installing its tools. Try again when it is ready.",
  };
  return new Link(
    {
      controlPlaneUrl,
      nodeId,
      agentVersion: AGENT_VERSION,
      epoch,
      getRuntime: () => ({ kind: "preparing", reason: getReason() }),
      getToken: () => nodeToken,
    },
    {
      onCommand: (command) => void acceptCommand(command, { ...ports, adoptStandby: () => null }),
      onUnknownCommand: (command) => refuseCommand(command, ports),
      onCall: async () => ({ kind: "failed", failure }),
      // The daemon's link gets tokens again.
      onNodeToken: () => {},
      onWorkspaceTokens: () => {},
      onConnected: () => {},
      onDisconnected: () => {},
      onGone,
    },
    ports,
  );
}
