/** Fetches what a session needs from the control plane, with its workspace's token: into memory only. Keeps S1. */
import type { Timers, WorkspaceId } from "@samovar/base";
import { backoffMs, err, errorMessage, ok } from "@samovar/base";
import type { Result } from "@samovar/base";
import type { Failure } from "@samovar/contracts";
import { errorBody } from "@samovar/contracts";
import type * as z from "zod";
import type { CurrentToken } from "./current-token.ts";

export interface FetchPorts {
  readonly controlPlaneUrl: string;
  readonly workspaceId: WorkspaceId;
  readonly tokens: CurrentToken;
  readonly timers: Timers;
  readonly signal: AbortSignal;
}

/** Something of this workspace. */
export interface WorkspaceResource<T> {
  /** The last part of its address. */
  readonly path: string;
  /** For messages. */
  readonly name: string;
  readonly schema: z.ZodType<T>;
}

/** Attempts for transient failures; with their pauses they take less than the time limit `AGENT_CREDENTIAL_MS`. */
const ATTEMPTS = 7;
const RETRY = { initialMs: 500, maxMs: 15_000 };
const ANSWER_TIMEOUT_MS = 15_000;

/**
 * A refusal is reported as the control plane words it; transient failures are retried for about a minute. An unreachable
 * control plane is retried until the session is stopped.
 */
export async function fetchForWorkspace<T>(
  wanted: WorkspaceResource<T>,
  ports: FetchPorts,
): Promise<Result<T, Failure>> {
  let failure: Failure = { code: "unavailable", message: `${wanted.name} was not requested` };
  for (let attempt = 1, answered = 0; answered < ATTEMPTS && !ports.signal.aborted; attempt++) {
    const answer = await request(wanted, ports);
    if (answer.kind === "found") return ok(answer.value);
    if (answer.kind === "refused") return err(answer.failure);
    if (answer.kind === "again") answered += 1;
    failure = answer.failure;
    await pause(ports.timers, backoffMs(attempt, RETRY));
  }
  return err(failure);
}

type Answer<T> =
  | { readonly kind: "found"; readonly value: T }
  | { readonly kind: "refused" | "again" | "unreachable"; readonly failure: Failure };

async function request<T>(
  { path, name, schema }: WorkspaceResource<T>,
  { controlPlaneUrl, workspaceId, tokens, signal }: FetchPorts,
): Promise<Answer<T>> {
  const token = await tokens.get();
  try {
    const response = await fetch(new URL(`/api/workspaces/${workspaceId}/${path}`, controlPlaneUrl), {
      headers: { authorization: `Bearer ${token}` },
      redirect: "error",
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
    });
    const body: unknown = await response.json().catch(() => null);
    if (response.status === 401) tokens.reject(token);
    return response.ok
      ? read(body, name, schema)
      : {
          kind: isTransient(response.status) ? "again" : "refused",
          failure: parseFailure(response.status, body, name),
        };
  } catch (error) {
    return {
      kind: "unreachable",
      failure: { code: "unavailable", message: `the control plane could not be reached: ${errorMessage(error)}` },
    };
  }
}

function read<T>(body: unknown, name: string, schema: z.ZodType<T>): Answer<T> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return { kind: "found", value: parsed.data };
  return {
    kind: "refused",
    failure: {
      code: "internal",
      message: `the control plane's answer about ${name} could not be understood`,
    },
  };
}

const isTransient = (status: number): boolean => status === 401 || status === 408 || status === 429 || status >= 500;

function parseFailure(status: number, body: unknown, name: string): Failure {
  const parsed = errorBody.safeParse(body);
  if (parsed.success) return { code: parsed.data.error.code, message: parsed.data.error.message };
  return { code: "provider_error", message: `the control plane answered ${status} for ${name}` };
}

const pause = (timers: Timers, ms: number): Promise<void> => new Promise((resolve) => timers.after(ms, resolve));
