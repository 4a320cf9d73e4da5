/** Workspace tokens, in memory only: brought by the link, handed to session-hosts, renewed before they expire. Keeps S1. */
import type { Clock, SessionId, Timers, WorkspaceId } from "@samovar/base";
import type { WorkspaceToken } from "@samovar/contracts";

export interface TokenPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Asks the control plane; answers come through {@link WorkspaceTokens.put}. */
  renew(workspaces: readonly WorkspaceId[]): void;
}

/** One request a workspace in this time: a refused token is not asked for in a storm. */
const RENEW_EVERY_MS = 5_000;
const CHECK_EVERY_MS = 60_000;
const CHECK_SOONEST_MS = 1_000;
/** A token is renewed when so much of its life is left, or half of it when it is short. */
const RENEW_BEFORE_MS = 3_600_000;

export class WorkspaceTokens {
  readonly #ports: TokenPorts;
  readonly #tokens = new Map<SessionId, WorkspaceToken & { readonly renewAt: number }>();
  readonly #askedAt = new Map<WorkspaceId, number>();
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
    this.#tokens.set(token.sessionId, { ...token, renewAt: this.#renewAt(token.expiresAt) });
    for (const look of this.#waiting) look();
    if (this.#cancelCheck !== null) this.start();
  }

  nodeTokenExpires(at: number): void {
    this.#renewNodeAt = this.#renewAt(at);
    if (this.#cancelCheck !== null) this.start();
  }

  /** Null when there is none that still holds. */
  get(session: SessionId): WorkspaceToken | null {
    const token = this.#tokens.get(session);
    return token !== undefined && token.expiresAt > this.#ports.clock.now() ? token : null;
  }

  /** The token as soon as there is one, asked for meanwhile; null when the signal comes first. */
  until(session: SessionId, workspace: WorkspaceId, signal: AbortSignal): Promise<string | null> {
    return new Promise((resolve) => {
      let cancelAsking = () => {};
      const look = () => {
        const token = this.get(session)?.token ?? null;
        if (token === null && !signal.aborted) return;
        this.#waiting.delete(look);
        signal.removeEventListener("abort", look);
        cancelAsking();
        resolve(token);
      };
      const askAgain = () => {
        this.want(workspace);
        cancelAsking = this.#ports.timers.after(RENEW_EVERY_MS, askAgain);
      };
      this.#waiting.add(look);
      signal.addEventListener("abort", look);
      if (this.get(session) === null && !signal.aborted) askAgain();
      look();
    });
  }

  /** The control plane does not take it: it is no token any more. */
  refuse(session: SessionId, token: string): void {
    if (this.#tokens.get(session)?.token === token) this.#tokens.delete(session);
  }

  /** A fresh one is needed; asks at most every few seconds, and again later when no answer came. */
  want(workspace: WorkspaceId): void {
    const now = this.#ports.clock.now();
    if (now < (this.#askedAt.get(workspace) ?? Number.NEGATIVE_INFINITY) + RENEW_EVERY_MS) return;
    this.#askedAt.set(workspace, now);
    this.#ports.renew([workspace]);
  }

  forget(session: SessionId, workspace: WorkspaceId): void {
    this.#tokens.delete(session);
    this.#askedAt.delete(workspace);
  }

  #renewAt(expiresAt: number): number {
    return expiresAt - Math.min(RENEW_BEFORE_MS, (expiresAt - this.#ports.clock.now()) / 2);
  }

  #renewOld(): void {
    const now = this.#ports.clock.now();
    const old = [...this.#tokens.values()].filter((token) => token.renewAt <= now).map((token) => token.workspaceId);
    if (old.length > 0 || this.#renewNodeAt <= now) this.#ports.renew(old);
  }
}
