/**
 * Decides how long a command retries a request. It reads from the system whether Samovar is there: when its process is
 * gone, a command fails at once; while it starts, a command waits; while it runs without answering, a command retries
 * for ten seconds, counting only time in which this process itself was running. A request that is not idempotent is
 * sent again only if it never left this machine.
 */
import { assertNever, backoffMs, limitSignal, type RunningClock } from "@samovar/base";
import type { Instance } from "../instance.ts";
import { CliError, UnreachableError } from "./errors.ts";
import type { Attempt, Endpoint, Outcome, Request, Rules, Transport } from "./http.ts";
import type { Presence } from "./presence.ts";

/** Where Samovar answers, and the token for it. */
export type Address = Pick<Instance, "url" | "apiToken">;

export interface RetryPorts {
  readonly time: RunningClock;
  readonly presence: () => Promise<Presence>;
  /** Samovar's address; null while it is not known. */
  readonly instance: () => Promise<Address | null>;
  /** Informs the user what the command is waiting for. */
  readonly note: (sentence: string) => void;
}

const TIMEOUT_MS = 10_000;
const LONG_TIMEOUT_MS = 30_000;
const NOTE_AFTER_MS = 2_000;
const PAUSE = { initialMs: 50, maxMs: 500 };
const NOT_ANSWERING = "Samovar is not answering yet; retrying.";

/** Sends each request once, for callers with their own retries. */
export function createOneShotTransport(endpoint: Endpoint, time: RunningClock): Transport {
  return async (request) => {
    const limit = limitSignal(time, LONG_TIMEOUT_MS);
    const attempt: Attempt = { endpoint, signal: limit.signal, mayHaveActed: false, onProgress: () => {} };
    const outcome = await request(attempt).finally(() => limit.cancel());
    if (outcome.answered) return outcome.value;
    if (!limit.signal.aborted) throw outcome.error;
    throw new CliError(`Samovar did not answer within ${LONG_TIMEOUT_MS / 1000} seconds.`, "Try again in a moment.");
  };
}

/** Retries while Samovar may still answer. Throws {@link UnreachableError} as soon as it is gone. */
export function createRetryingTransport(ports: RetryPorts): Transport {
  return async (request, rules) => {
    const wait = new Wait(ports, rules);
    try {
      return await wait.forAnswer(request);
    } finally {
      wait.end();
    }
  };
}

/** Waits for a Samovar that is starting, and returns its address. Throws {@link UnreachableError} when there is none. */
export async function waitUntilRunning(ports: RetryPorts): Promise<Address> {
  const wait = new Wait(ports, { isSafeToRepeat: true, changesNothing: true, takesLong: false });
  try {
    return await wait.forInstance();
  } finally {
    wait.end();
  }
}

/** One request's wait, in stages: what it waits for, the timeout, and the note that the user sees. */
class Wait {
  readonly #ports: RetryPorts;
  readonly #rules: Rules;
  readonly #timeoutMs: number;
  #stage: "begin" | "answer" | "start" = "begin";
  /** Aborted when the response times out. */
  #timedOut = new AbortController();
  #cancelTimeout = () => {};
  #cancelNote: (() => void) | null = null;
  #failures = 0;
  /** Samovar's own error, when it answered that it is unavailable. */
  #lastRefusal: CliError | null = null;

  constructor(ports: RetryPorts, rules: Rules) {
    this.#ports = ports;
    this.#rules = rules;
    this.#timeoutMs = rules.takesLong ? LONG_TIMEOUT_MS : TIMEOUT_MS;
  }

  async forAnswer<T>(request: Request<T>): Promise<T> {
    for (let mayHaveActed = false; ;) {
      const { url, apiToken: token } = await this.forInstance();
      this.#waitForAnswer();
      const onProgress = () => this.#startTimeout();
      const attempt: Attempt = { endpoint: { url, token }, signal: this.#timedOut.signal, mayHaveActed, onProgress };
      const outcome: Outcome<T> = await request(attempt).catch((error: unknown) => this.#checkToken(error, token));
      if (outcome.answered) return outcome.value;
      mayHaveActed ||= outcome.mayHaveActed;
      if (mayHaveActed && !this.#rules.isSafeToRepeat) throw outcome.error;
      if (!(outcome.error instanceof UnreachableError)) this.#lastRefusal = outcome.error;
      await this.#prepareRetry();
    }
  }

  /** A Samovar that stops or starts again revokes its token: the request was not carried out, and may be with the next one. */
  async #checkToken(error: unknown, token: string): Promise<Outcome<never>> {
    if (!(error instanceof CliError) || error.code !== "unauthenticated") throw error;
    const instance = await this.#ports.instance();
    if (instance?.apiToken === token) throw error;
    return { answered: false, mayHaveActed: false, error };
  }

  async forInstance(): Promise<Address> {
    for (;;) {
      const instance = await this.#ports.instance();
      if (instance !== null) return instance;
      await this.#prepareRetry();
    }
  }

  end(): void {
    this.#cancelTimeout();
    this.#cancelNote?.();
  }

  /** Pauses before the next attempt. Throws when another attempt is pointless. */
  async #prepareRetry(): Promise<void> {
    const presence = await this.#ports.presence();
    switch (presence.state) {
      case "absent":
        throw new UnreachableError();
      case "stopping":
        throw new UnreachableError(`Samovar is stopping (process ${presence.pid}).`);
      case "starting":
        this.#waitForStart(presence.pid);
        break;
      case "running":
      case "remote":
        if (this.#timedOut.signal.aborted) throw this.#createTimeoutError(presence);
        // A slow request does not show that Samovar is not answering; a failed one does.
        this.#cancelNote ??= this.#noteLater(NOT_ANSWERING);
        break;
      default:
        assertNever(presence, "presence");
    }
    await this.#pause();
  }

  #waitForAnswer(): void {
    if (this.#stage === "answer") return;
    this.#enter("answer");
    this.#startTimeout();
    if (!this.#rules.takesLong) this.#cancelNote = this.#noteLater(NOT_ANSWERING);
  }

  /** Without a timeout: `samovar up` exits when it cannot start. */
  #waitForStart(pid: number): void {
    if (this.#stage === "start") return;
    this.#enter("start");
    this.#cancelNote = this.#noteLater(`Samovar is starting (process ${pid}); waiting for it.`);
  }

  #enter(stage: "answer" | "start"): void {
    this.end();
    this.#stage = stage;
    this.#timedOut = new AbortController();
    this.#cancelNote = null;
  }

  #startTimeout(): void {
    this.#cancelTimeout();
    this.#cancelTimeout = this.#ports.time.after(this.#timeoutMs, () => this.#timedOut.abort());
  }

  #noteLater(sentence: string): () => void {
    return this.#ports.time.after(NOTE_AFTER_MS, () => this.#ports.note(sentence));
  }

  async #pause(): Promise<void> {
    this.#failures += 1;
    const pauseMs = backoffMs(this.#failures, PAUSE);
    const { promise, resolve } = Promise.withResolvers<void>();
    const over = () => resolve();
    const cancel = this.#ports.time.after(pauseMs, over);
    this.#timedOut.signal.addEventListener("abort", over);
    await promise;
    cancel();
    this.#timedOut.signal.removeEventListener("abort", over);
  }

  #createTimeoutError(presence: Extract<Presence, { state: "running" | "remote" }>): CliError {
    if (this.#lastRefusal !== null) return this.#lastRefusal;
    const lost = this.#rules.changesNothing
      ? ""
      : "The request may have been carried out: check before you repeat it. ";
    if (presence.state === "remote")
      return new CliError(
        `Samovar at ${presence.url} has not answered for ${this.#timeoutMs / 1000} seconds.`,
        `${lost}Check the address and your network, then try again.`,
      );
    const { pid } = presence.instance;
    return new CliError(
      `Samovar is running (process ${pid}) but has not answered for ${this.#timeoutMs / 1000} seconds.`,
      `${lost}Try again in a moment. If that does not help, stop Samovar with Ctrl-C and start it again with: samovar up`,
    );
  }
}
