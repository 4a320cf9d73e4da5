/**
 * Requests to the control plane with a workspace's token: the credential for its repository, and the upload of a git
 * bundle. Waits for the token and retries transient failures until it is aborted. Keeps S1.
 */
import type { Clock, Random, Result, SessionId, Timers, WorkspaceId } from "@samovar/base";
import { backoffMs, err, errorMessage, ok } from "@samovar/base";
import type { BundleView, Failure } from "@samovar/contracts";
import { bundleView, errorBody, gitCredential } from "@samovar/contracts";
import type * as z from "zod";
import type { GitLogin } from "../git/login.ts";
import type { WorkspaceTokens } from "../tokens.ts";

export interface CallbackPorts {
  readonly controlPlaneUrl: string;
  readonly tokens: Pick<WorkspaceTokens, "waitFor" | "reject">;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
}

/** The workspace and session whose token is used. */
export interface CallbackOwner {
  readonly workspaceId: WorkspaceId;
  readonly sessionId: SessionId;
}

const RETRY = { initialMs: 500, maxMs: 8_000 };
const ANSWER_TIMEOUT_MS = 60_000;

export class WorkspaceCallback {
  readonly #ports: CallbackPorts;

  constructor(ports: CallbackPorts) {
    this.#ports = ports;
  }

  /** The login for the workspace's repository; null when none is stored for its host. */
  async fetchGitLogin(owner: CallbackOwner, signal: AbortSignal): Promise<Result<GitLogin | null, Failure>> {
    const answer = await this.#request(owner, "/git-credential", { method: "GET" }, gitCredential, signal);
    return answer.ok ? ok(answer.value.credential) : answer;
  }

  /** `sha256` is the hex digest of `data`. */
  uploadBundle(
    owner: CallbackOwner,
    data: Buffer<ArrayBuffer>,
    sha256: string,
    signal: AbortSignal,
  ): Promise<Result<BundleView, Failure>> {
    const headers = { "content-type": "application/octet-stream" };
    return this.#request(owner, `/bundle?sha256=${sha256}`, { method: "PUT", headers, body: data }, bundleView, signal);
  }

  /** A refusal is returned as the control plane words it. */
  async #request<T extends z.ZodType>(
    owner: CallbackOwner,
    path: string,
    request: {
      readonly method: string;
      readonly headers?: Record<string, string>;
      readonly body?: Uint8Array<ArrayBuffer>;
    },
    schema: T,
    signal: AbortSignal,
  ): Promise<Result<z.output<T>, Failure>> {
    let failure: Failure = { code: "unavailable", message: "The workspace has no token yet." };
    for (let failures = 1; !signal.aborted; failures++) {
      const token = await this.#ports.tokens.waitFor(owner.sessionId, owner.workspaceId, signal);
      if (token === null) break;
      const answer = await this.#tryRequest(owner, path, { ...request, token }, signal);
      if (answer.kind === "answered") return read(schema, answer.body);
      failure = answer.failure;
      if (answer.kind === "refused") return err(failure);
      if (answer.kind === "unauthenticated") this.#ports.tokens.reject(owner.sessionId, token);
      await pause(this.#ports.timers, backoffMs(failures, RETRY, this.#ports.random.next()), signal);
    }
    return err(failure);
  }

  async #tryRequest(
    { workspaceId }: CallbackOwner,
    path: string,
    {
      token,
      headers,
      ...request
    }: {
      readonly method: string;
      readonly token: string;
      readonly headers?: Record<string, string>;
      readonly body?: Uint8Array<ArrayBuffer>;
    },
    signal: AbortSignal,
  ): Promise<Answer> {
    try {
      const response = await fetch(`${this.#ports.controlPlaneUrl}/api/workspaces/${workspaceId}${path}`, {
        ...request,
        headers: { ...headers, authorization: `Bearer ${token}` },
        redirect: "error",
        signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
      });
      const body: unknown = await response.json().catch(() => null);
      if (response.ok) return { kind: "answered", body };
      return { kind: classify(response.status), failure: parseFailure(response.status, body) };
    } catch (error) {
      const message = `The control plane could not be reached: ${errorMessage(error)}`;
      return { kind: "again", failure: { code: "unavailable", message } };
    }
  }
}

type Answer =
  | { readonly kind: "answered"; readonly body: unknown }
  | { readonly kind: "refused" | "unauthenticated" | "again"; readonly failure: Failure };

function classify(status: number): "refused" | "unauthenticated" | "again" {
  if (status === 401) return "unauthenticated";
  return status === 408 || status === 429 || status >= 500 ? "again" : "refused";
}

function read<T extends z.ZodType>(schema: T, body: unknown): Result<z.output<T>, Failure> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return ok(parsed.data);
  return err({ code: "internal", message: "The control plane's answer could not be understood." });
}

function parseFailure(status: number, body: unknown): Failure {
  const parsed = errorBody.safeParse(body);
  if (parsed.success) return { code: parsed.data.error.code, message: parsed.data.error.message };
  return { code: "provider_error", message: `The control plane answered ${status}.` };
}

function pause(timers: Timers, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = timers.after(delayMs, resolve);
    signal.addEventListener(
      "abort",
      () => {
        cancel();
        resolve();
      },
      { once: true },
    );
  });
}
