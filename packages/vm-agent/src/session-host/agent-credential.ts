/** Fetches the agent's credential from the control plane, into memory only. Keeps S1. */
import type { Timers, WorkspaceId } from "@samovar/base";
import { backoffMs, err, errorMessage, ok } from "@samovar/base";
import type { Result } from "@samovar/base";
import type { AgentCredential, Failure } from "@samovar/contracts";
import { agentCredential, errorBody } from "@samovar/contracts";
import type { CurrentToken } from "./current-token.ts";

export interface CredentialPorts {
  readonly controlPlaneUrl: string;
  readonly workspaceId: WorkspaceId;
  readonly tokens: CurrentToken;
  readonly timers: Timers;
  readonly signal: AbortSignal;
}

/** Attempts for transient failures; with their pauses they take less than the time limit `AGENT_CREDENTIAL_MS`. */
const ATTEMPTS = 7;
const RETRY = { initialMs: 500, maxMs: 15_000 };
const ANSWER_TIMEOUT_MS = 15_000;

/**
 * A refusal is reported as the control plane words it; transient failures are retried for about a minute. An unreachable
 * control plane is retried until the session is stopped.
 */
export async function fetchAgentCredential(ports: CredentialPorts): Promise<Result<AgentCredential, Failure>> {
  let failure: Failure = { code: "unavailable", message: "the agent's credential was not requested" };
  for (let attempt = 1, answered = 0; answered < ATTEMPTS && !ports.signal.aborted; attempt++) {
    const answer = await requestCredential(ports);
    if (answer.kind === "credential") return ok(answer.credential);
    if (answer.kind === "refused") return err(answer.failure);
    if (answer.kind === "again") answered += 1;
    failure = answer.failure;
    await pause(ports.timers, backoffMs(attempt, RETRY));
  }
  return err(failure);
}

type Answer =
  | { readonly kind: "credential"; readonly credential: AgentCredential }
  | { readonly kind: "refused" | "again" | "unreachable"; readonly failure: Failure };

async function requestCredential({ controlPlaneUrl, workspaceId, tokens, signal }: CredentialPorts): Promise<Answer> {
  const token = await tokens.get();
  try {
    const response = await fetch(new URL(`/api/workspaces/${workspaceId}/agent-credential`, controlPlaneUrl), {
      headers: { authorization: `Bearer ${token}` },
      redirect: "error",
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
    });
    const body: unknown = await response.json().catch(() => null);
    if (response.status === 401) tokens.reject(token);
    return response.ok
      ? read(body)
      : { kind: isTransient(response.status) ? "again" : "refused", failure: parseFailure(response.status, body) };
  } catch (error) {
    return {
      kind: "unreachable",
      failure: { code: "unavailable", message: `the control plane could not be reached: ${errorMessage(error)}` },
    };
  }
}

function read(body: unknown): Answer {
  const credential = agentCredential.safeParse(body);
  if (credential.success) return { kind: "credential", credential: credential.data };
  return {
    kind: "refused",
    failure: {
      code: "internal",
      message: "the control plane's answer about the agent's credential could not be understood",
    },
  };
}

const isTransient = (status: number): boolean => status === 401 || status === 408 || status === 429 || status >= 500;

function parseFailure(status: number, body: unknown): Failure {
  const parsed = errorBody.safeParse(body);
  if (parsed.success) return { code: parsed.data.error.code, message: parsed.data.error.message };
  return { code: "provider_error", message: `the control plane answered ${status} for the agent's credential` };
}

const pause = (timers: Timers, ms: number): Promise<void> => new Promise((resolve) => timers.after(ms, resolve));
