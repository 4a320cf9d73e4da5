/**
 * The finish of a session that ended clean: commit, push, and hand over what could not be pushed [R14][F41].
 * Repeatable. Failing is an output, but when the daemon leaves: then the next one does it again.
 */
import { errorMessage, redactText } from "@samovar/base";
import type { BundleView } from "@samovar/contracts";
import { withLimit } from "../../time-limit.ts";
import type { FinishInput, FinishOutputs } from "../git/finish.ts";
import { bundleCheckout, finishCheckout, NO_OUTPUTS } from "../git/finish.ts";
import type { SessionRow, WorkspaceRow } from "../store/rows.ts";
import type { CallbackOwner, WorkspaceCallback } from "../workspaces/callback.ts";
import { checkoutPlaces } from "../workspaces/places.ts";

export interface SessionFinishPorts {
  readonly callback: WorkspaceCallback;
  readonly stateDir: string;
  /** For everything together. */
  readonly finishTimeoutMs: number;
  /** The daemon is leaving: what was begun is done again by the next one. */
  readonly stopping: AbortSignal;
  /** The workspace is to go. */
  readonly destroyed: AbortSignal;
}

/** The push's part of the time; the rest is for its bundle, which a push that hangs must not take away. */
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
  { callback, stateDir, finishTimeoutMs }: SessionFinishPorts,
  signal: AbortSignal,
): Promise<FinishOutputs> {
  const { branch, baseCommit, args } = workspace;
  if (branch === null || baseCommit === null) throw new Error("the workspace was never made ready");
  const owner: CallbackOwner = { workspaceId: workspace.id, sessionId: session.id };
  const places = checkoutPlaces(stateDir, workspace.place);
  const input = { ...session.args.finish, repoUrl: args.repoUrl, checkout: args.checkout, branch, baseCommit };
  const outputs = await finishCheckout(input, places, {
    signal,
    timeoutMs: finishTimeoutMs * PUSH_SHARE,
    askLogin: () =>
      withLimit(finishTimeoutMs * LOGIN_SHARE, signal, (within) => callback.gitLogin(owner, within.signal)),
  });
  if (outputs.pushed || outputs.commits.length === 0 || !input.push) return outputs;
  const kept = await withLimit(finishTimeoutMs * (1 - PUSH_SHARE), signal, (within) =>
    handOver(input, places, { callback, owner, signal: within.signal }),
  );
  signal.throwIfAborted();
  if (typeof kept !== "string") return { ...outputs, bundle: kept };
  return { ...outputs, pushError: `${outputs.pushError ?? ""}\n${redactText(kept)}`.trim().slice(0, 4000) };
}

/** What is kept with the session, or why nothing is. */
async function handOver(
  input: FinishInput,
  places: Parameters<typeof bundleCheckout>[1],
  to: { readonly callback: WorkspaceCallback; readonly owner: CallbackOwner; readonly signal: AbortSignal },
): Promise<BundleView | string> {
  try {
    const bundle = await bundleCheckout(input, places, to.signal);
    if (!bundle.ok) return bundle.error;
    const { data, sha256 } = bundle.value;
    const stored = await to.callback.putBundle(to.owner, data, sha256, to.signal);
    if (stored.ok) return stored.value;
    return `The bundle of its commits could not be kept elsewhere (${stored.error.message}); on the node it is ${places.bundle}.`;
  } catch (error) {
    return `No bundle could be made of its commits: ${errorMessage(error)}`;
  }
}
