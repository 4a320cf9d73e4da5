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
/** A token is renewed when so much of its life is left. */
const RENEW_BEFORE_MS = 3_600_000;

export class WorkspaceTokens {
  readonly #ports: TokenPorts;
  readonly #tokens = new Map<SessionId, WorkspaceToken>();
  readonly #askedAt = new Map<WorkspaceId, number>();
  #nodeTokenExpiresAt = Number.POSITIVE_INFINITY;
  #cancelCheck = () => {};

  constructor(ports: TokenPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#cancelCheck = this.#ports.timers.after(CHECK_EVERY_MS, () => {
      this.#renewOld();
      this.start();
    });
  }

  stop(): void {
    this.#cancelCheck();
  }

  put(token: WorkspaceToken): void {
    this.#tokens.set(token.sessionId, token);
  }

  nodeTokenExpires(at: number): void {
    this.#nodeTokenExpiresAt = at;
  }

  /** Null when there is none that still holds. */
  get(session: SessionId): WorkspaceToken | null {
    const token = this.#tokens.get(session);
    return token !== undefined && token.expiresAt > this.#ports.clock.now() ? token : null;
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

  #renewOld(): void {
    const soon = this.#ports.clock.now() + RENEW_BEFORE_MS;
    const old = [...this.#tokens.values()].filter((token) => token.expiresAt < soon).map((token) => token.workspaceId);
    if (old.length > 0 || this.#nodeTokenExpiresAt < soon) this.#ports.renew(old);
  }
}
