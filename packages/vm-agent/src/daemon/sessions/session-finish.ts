/**
 * Finishes a session that ended clean: commits, pushes, and uploads a bundle of what could not be pushed [R14][F41].
 * Repeatable. A failure is an output, except when the daemon stops: then the next daemon finishes again.
 */
import { errorMessage, redactText } from "@samovar/base";
import { type BundleView, OPEN_EGRESS } from "@samovar/contracts";
import { getRepositoryHost } from "@samovar/domain/egress";
import { withLimit } from "../../time-limit.ts";
import type { CheckoutRuntime } from "../git/checkout-shell.ts";
import type { FinishInput, FinishOutputs } from "../git/finish.ts";
import { bundleCheckout, finishCheckout, NO_OUTPUTS } from "../git/finish.ts";
import type { WorkspaceUsers } from "../../users/workspace-users.ts";
import type { SessionRow, WorkspaceRow } from "../store/rows.ts";
import type { CallbackOwner, WorkspaceCallback } from "../workspaces/callback.ts";
import { getCheckoutPaths } from "../workspaces/workspace-paths.ts";

export interface SessionFinishPorts extends Omit<CheckoutRuntime, "user"> {
  readonly callback: WorkspaceCallback;
  readonly controlPlaneUrl: string;
  readonly stateDir: string;
  readonly users: Pick<WorkspaceUsers, "find">;
  /** For the commit, the push and the bundle together. */
  readonly finishTimeoutMs: number;
  /** Aborted when the daemon stops. */
  readonly stopping: AbortSignal;
  /** Aborted when the workspace is to be destroyed. */
  readonly destroyed: AbortSignal;
}

/** The push's share of the time. The rest is reserved for the bundle, so that a hanging push cannot use it up. */
const PUSH_SHARE = 0.6;
const LOGIN_SHARE = 0.2;

export async function finishSession(
  session: SessionRow,
  workspace: WorkspaceRow,
  ports: SessionFinishPorts,
): Promise<FinishOutputs> {
  const { stopping, destroyed } = ports;
  try {
    return await finish(session, workspace, ports, AbortSignal.any([stopping, destroyed]));
  } catch (error) {
    if (stopping.aborted || !destroyed.aborted) throw error;
    return { ...NO_OUTPUTS, pushError: `The workspace was removed first: ${errorMessage(error)}` };
  }
}

async function finish(
  session: SessionRow,
  workspace: WorkspaceRow,
  { callback, controlPlaneUrl, stateDir, users, runtime, limits, finishTimeoutMs }: SessionFinishPorts,
  signal: AbortSignal,
): Promise<FinishOutputs> {
  const { branch, baseCommit, args } = workspace;
  if (branch === null || baseCommit === null) throw new Error("the workspace was never ready");
  const owner: CallbackOwner = { workspaceId: workspace.id, sessionId: session.id };
  const paths = getCheckoutPaths(stateDir, workspace.directoryName);
  const input = { ...session.args.finish, repoUrl: args.repoUrl, checkout: args.checkout, branch, baseCommit };
  const outputs = await finishCheckout(input, paths, {
    runtime,
    limits,
    user: users.find(workspace.directoryName),
    hooksOf: args.checkout.hooks ? args.projectId : null,
    // Hooks may need the network. Git itself does not.
    connections: args.checkout.hooks
      ? {
          policy: session.args.egress ?? OPEN_EGRESS,
          repositoryHost: getRepositoryHost(args.repoUrl),
          controlPlaneHost: new URL(controlPlaneUrl).hostname,
        }
      : null,
    signal,
    timeoutMs: finishTimeoutMs * PUSH_SHARE,
    requestLogin: () =>
      withLimit(finishTimeoutMs * LOGIN_SHARE, signal, (within) => callback.fetchGitLogin(owner, within.signal)),
  });
  if (outputs.pushed || outputs.commits.length === 0 || !input.push) return outputs;
  const uploaded = await withLimit(finishTimeoutMs * (1 - PUSH_SHARE), signal, (within) =>
    uploadBundle(input, paths, { callback, owner, signal: within.signal }),
  );
  signal.throwIfAborted();
  if (typeof uploaded !== "string") return { ...outputs, bundle: uploaded };
  return { ...outputs, pushError: `${outputs.pushError ?? ""}\n${redactText(uploaded)}`.trim().slice(0, 4000) };
}

/** The stored bundle, or the reason why none was stored. */
async function uploadBundle(
  input: FinishInput,
  paths: Parameters<typeof bundleCheckout>[1],
  to: { readonly callback: WorkspaceCallback; readonly owner: CallbackOwner; readonly signal: AbortSignal },
): Promise<BundleView | string> {
  try {
    const bundle = await bundleCheckout(input, paths, to.signal);
    if (!bundle.ok) return bundle.error;
    const { data, sha256 } = bundle.value;
    const stored = await to.callback.uploadBundle(to.owner, data, sha256, to.signal);
    if (stored.ok) return stored.value;
    return `The git bundle of the commits could not be uploaded (${stored.error.message}); on the node it is ${paths.bundle}.`;
  } catch (error) {
    return `The git bundle of the commits could not be created: ${errorMessage(error)}`;
  }
}
