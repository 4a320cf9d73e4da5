/** Workspace tokens, in memory only: received over the link, passed to session hosts, renewed before they expire. Keeps S1. */
import type { Clock, SessionId, Timers, WorkspaceId } from "@samovar/base";
import type { WorkspaceToken } from "@samovar/contracts";

export interface TokenPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Requests tokens from the control plane; they arrive through {@link WorkspaceTokens.put}. */
  renew(workspaces: readonly WorkspaceId[]): void;
}

/** At most one request per workspace in this time, so that refused tokens don't cause a storm of requests. */
const RENEW_EVERY_MS = 5_000;
const CHECK_EVERY_MS = 60_000;
const CHECK_SOONEST_MS = 1_000;
/** A token is renewed this long before it expires, or halfway for a short TTL. */
const RENEW_BEFORE_MS = 3_600_000;

export class WorkspaceTokens {
  readonly #ports: TokenPorts;
  readonly #tokens = new Map<SessionId, WorkspaceToken & { readonly renewAt: number }>();
  readonly #requestedAt = new Map<WorkspaceId, number>();
  readonly #waiting = new Set<() => void>();
  #renewNodeAt = Number.POSITIVE_INFINITY;
  #cancelCheck: (() => void) | null = null;

  constructor(ports: TokenPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#cancelCheck?.();
    const soonest = Math.min(this.#renewNodeAt, ...[...this.#tokens.values()].map(({ renewAt }) => renewAt));
    const inMs = Math.max(CHECK_SOONEST_MS, Math.min(CHECK_EVERY_MS, soonest - this.#ports.clock.now()));
    this.#cancelCheck = this.#ports.timers.after(inMs, () => {
      this.#renewOld();
      this.start();
    });
  }

  stop(): void {
    this.#cancelCheck?.();
    this.#cancelCheck = null;
  }

  put(token: WorkspaceToken): void {
    this.#tokens.set(token.sessionId, { ...token, renewAt: this.#getRenewalTime(token.expiresAt) });
    for (const check of this.#waiting) check();
    if (this.#cancelCheck !== null) this.start();
  }

  setNodeTokenExpiry(at: number): void {
    this.#renewNodeAt = this.#getRenewalTime(at);
    if (this.#cancelCheck !== null) this.start();
  }

  /** Null when there is no unexpired token. */
  get(session: SessionId): WorkspaceToken | null {
    const token = this.#tokens.get(session);
    return token !== undefined && token.expiresAt > this.#ports.clock.now() ? token : null;
  }

  /** Resolves with the token as soon as there is one, requesting it meanwhile; null when the signal comes first. */
  waitFor(session: SessionId, workspace: WorkspaceId, signal: AbortSignal): Promise<string | null> {
    return new Promise((resolve) => {
      let cancelRetry = () => {};
      const check = () => {
        const token = this.get(session)?.token ?? null;
        if (token === null && !signal.aborted) return;
        this.#waiting.delete(check);
        signal.removeEventListener("abort", check);
        cancelRetry();
        resolve(token);
      };
      const requestAgain = () => {
        this.request(workspace);
        cancelRetry = this.#ports.timers.after(RENEW_EVERY_MS, requestAgain);
      };
      this.#waiting.add(check);
      signal.addEventListener("abort", check);
      if (this.get(session) === null && !signal.aborted) requestAgain();
      check();
    });
  }

  /** Removes a token that the control plane refused. */
  reject(session: SessionId, token: string): void {
    if (this.#tokens.get(session)?.token === token) this.#tokens.delete(session);
  }

  /** Requests a fresh token, at most every {@link RENEW_EVERY_MS}. */
  request(workspace: WorkspaceId): void {
    const now = this.#ports.clock.now();
    if (now < (this.#requestedAt.get(workspace) ?? Number.NEGATIVE_INFINITY) + RENEW_EVERY_MS) return;
    this.#requestedAt.set(workspace, now);
    this.#ports.renew([workspace]);
  }

  remove(session: SessionId, workspace: WorkspaceId): void {
    this.#tokens.delete(session);
    this.#requestedAt.delete(workspace);
  }

  #getRenewalTime(expiresAt: number): number {
    return expiresAt - Math.min(RENEW_BEFORE_MS, (expiresAt - this.#ports.clock.now()) / 2);
  }

  #renewOld(): void {
    const now = this.#ports.clock.now();
    const old = [...this.#tokens.values()].filter((token) => token.renewAt <= now).map((token) => token.workspaceId);
    if (old.length > 0 || this.#renewNodeAt <= now) this.#ports.renew(old);
  }
}
