/** The shell in which git works on a workspace's checkout, within the workspace's limits. */
import { randomBytes } from "node:crypto";
import { silentLogger, systemClock, systemTimers } from "@samovar/base";
import type { HostContainer, HostUser, WorkspaceLimits } from "@samovar/contracts";
import type { EgressRules } from "@samovar/domain/egress";
import { join } from "node:path";
import { createLimitFailure, type LimitReached } from "../../limits/limits.ts";
import { openSessionLimits } from "../../limits/session-limits.ts";
import { createHostSandbox, createRuntimeFailure, type RuntimeChoice } from "../../runtime/choose-runtime.ts";
import { createRuntime } from "../../runtime/create-runtime.ts";
import { createHostContainer } from "../../runtime/docker/choose-docker.ts";
import { findImage } from "../../runtime/docker/image.ts";
import { createWorkspaceNetwork, type NetworkBounds } from "../../runtime/network/create-network.ts";
import { NO_NETWORK, type WorkspaceNetwork } from "../../runtime/network/workspace-network.ts";
import { WorkspaceShell } from "../../runtime/workspace-shell.ts";
import { SESSION_MARK } from "../../session-host/agent-environment.ts";
import type { CheckoutPaths } from "./checkout-paths.ts";
import type { GitOptions } from "./git.ts";

/** Where the workspace's programs run, and what they may use. */
export interface CheckoutRuntime {
  readonly runtime: RuntimeChoice;
  readonly limits: WorkspaceLimits;
  /** The workspace's user, who owns the checkout; absent or null: the user of this process. */
  readonly user?: HostUser | null;
  /** Which connections leave a sandbox or container; without them none does. */
  readonly connections?: EgressRules | null;
  /** The project whose hooks run, and need its image in a container; without it git gets the node's image. */
  readonly hooksOf?: string | null;
}

/** Of this process, so that the next one knows what it left. */
const MARK_PREFIX = `checkout-${process.pid}-`;

/** Whether a mark is of a shell that this process opened. */
export const isCheckoutMark = (mark: string): boolean => mark.startsWith(MARK_PREFIX);

/** Variables of the node that programs in the shell get: nothing that opens a login. */
const PASSED_ON = ["PATH", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy"];
const CERTIFICATES = ["SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"];

/**
 * Opens the shell for the work, and ends all that was started in it. Throws where the node demands a sandbox that does not
 * work, and with a sentence when a limit is reached.
 */
export async function withCheckoutShell<T>(
  { runtime: choice, limits, user = null, connections = null, hooksOf = null }: CheckoutRuntime,
  paths: CheckoutPaths,
  work: (shell: WorkspaceShell) => Promise<T>,
): Promise<T> {
  if (choice.kind === "unavailable") throw new Error(createRuntimeFailure(choice).message);
  // Another one than the session's, so that the end of an agent that runs meanwhile leaves the shell alone.
  const mark = `${MARK_PREFIX}${randomBytes(8).toString("hex")}`;
  const within = openSessionLimits(mark, limits, user);
  const sandbox = createHostSandbox(choice, paths);
  const container = await chooseContainer({ runtime: choice, limits, user, hooksOf }, paths);
  const network = connections === null ? null : await openNetwork({ sandbox, container }, connections);
  const runtime = createRuntime({
    places: { checkout: paths.repo, home: paths.home },
    user,
    endsUser: false,
    sandbox,
    network: network ?? NO_NETWORK,
    container,
    mark,
    timers: systemTimers,
    enter: within.enter,
  });
  const shell = new WorkspaceShell(runtime, createEnvironment(runtime.seen.home, mark));
  let reached: LimitReached | null = null;
  const watch = within.watch({
    runtimes: [runtime],
    directories: [paths.repo, paths.home, paths.tmp],
    clock: systemClock,
    timers: systemTimers,
    onReached: (limit) => {
      reached = limit;
      shell.kill();
    },
  });
  try {
    return await work(shell);
  } catch (error) {
    if (reached !== null) throw new Error(createLimitFailure(reached).message, { cause: error });
    throw error;
  } finally {
    watch.stop();
    await shell.close();
    await runtime.end();
    await network?.close();
    within.remove();
  }
}

/** What is refused is part of a hook's output, not of the transcript. */
async function openNetwork(bounds: NetworkBounds, rules: EgressRules): Promise<WorkspaceNetwork | null> {
  const network = createWorkspaceNetwork(bounds, { log: silentLogger });
  await network?.start();
  network?.use({ rules, onRefused: () => {} });
  return network;
}

/** A separate one, because the session's has ended. Nothing is pulled or built for it, least of all by the agent's Dockerfile. */
async function chooseContainer(
  { runtime, limits, user = null, hooksOf }: Omit<CheckoutRuntime, "connections">,
  paths: CheckoutPaths,
): Promise<HostContainer | null> {
  const container = createHostContainer(runtime.container, paths, {
    project: hooksOf ?? "",
    command: [],
    limits,
    user,
  });
  if (container === null || hooksOf == null) return container;
  return { ...container, image: (await findImage(container)) ?? container.image };
}

function createEnvironment(home: string, mark: string): Record<string, string> {
  const passed = [...PASSED_ON, ...CERTIFICATES].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return { ...Object.fromEntries(passed), HOME: home, XDG_CONFIG_HOME: join(home, ".config"), [SESSION_MARK]: mark };
}

/** Options for git on the checkout, in its shell. */
export function getCheckoutOptions(
  shell: WorkspaceShell,
  more: Pick<GitOptions, "settings" | "lfs" | "signal" | "timeoutMs">,
): GitOptions & { readonly shell: WorkspaceShell } {
  const { checkout, home } = shell.seen;
  return { ...more, cwd: checkout, home, shell, repository: { gitDir: join(checkout, ".git"), workTree: checkout } };
}
