/**
 * How long a command goes on asking. Whether Samovar is there is read as a fact: where its process is gone, a command
 * fails at once; while it starts, a command waits; while it lives and does not answer, a command asks again for ten
 * seconds, of which only those count in which this process itself ran. A request whose repetition would do more than
 * the request itself is sent again only if it never left this machine.
 */
import { assertNever, backoffMs, limitSignal, type RunningClock } from "@samovar/base";
import type { Instance } from "../instance.ts";
import { CliError, UnreachableError } from "./errors.ts";
import type { Endpoint, Request, Rules, Transport } from "./http.ts";
import type { Presence } from "./presence.ts";

export interface PatiencePorts {
  readonly time: RunningClock;
  readonly presence: () => Promise<Presence>;
  /** The instance file as it is now; null when there is none. */
  readonly instance: () => Promise<Instance | null>;
  /** Tells a person what is waited for. */
  readonly note: (sentence: string) => void;
}

const ANSWER_MS = 10_000;
const LONG_ANSWER_MS = 30_000;
const NOTE_AFTER_MS = 2_000;
const PAUSE = { initialMs: 50, maxMs: 500 };
const NOT_ANSWERING = "Samovar is not answering yet; retrying.";

/** Asks once: for callers that ask again by themselves. */
export function once(endpoint: Endpoint, time: RunningClock): Transport {
  return async (request) => {
    const limit = limitSignal(time, LONG_ANSWER_MS);
    const attempt = { endpoint, signal: limit.signal, mayHaveActed: false, heard: () => {} };
    const outcome = await request(attempt).finally(() => limit.cancel());
    if (outcome.answered) return outcome.value;
    if (!limit.signal.aborted) throw outcome.error;
    throw new CliError(`Samovar did not answer within ${LONG_ANSWER_MS / 1000} seconds.`, "Try again in a moment.");
  };
}

/** Asks as long as Samovar may still answer. Throws {@link UnreachableError} as soon as it is gone. */
export function patient(ports: PatiencePorts): Transport {
  return async (request, rules) => {
    const wait = new Wait(ports, rules);
    try {
      return await wait.forAnswer(request);
    } finally {
      wait.end();
    }
  };
}

/** The instance of a running Samovar; of one that starts, as soon as it is there. Throws {@link UnreachableError}. */
export async function untilRunning(ports: PatiencePorts): Promise<Instance> {
  const wait = new Wait(ports, { isSafeToRepeat: true, changesNothing: true, takesLong: false });
  try {
    return await wait.forInstance();
  } finally {
    wait.end();
  }
}

/** One request's wait, in stages: what is waited for, the limit that it has, and what a person is told of it. */
class Wait {
  readonly #ports: PatiencePorts;
  readonly #rules: Rules;
  readonly #limitMs: number;
  #stage: "begin" | "answer" | "start" = "begin";
  /** Aborted when the answer comes too late. */
  #late = new AbortController();
  #cancelLimit = () => {};
  #cancelNote: (() => void) | null = null;
  #failures = 0;
  /** What Samovar itself answered when it could not do what was asked. */
  #said: CliError | null = null;

  constructor(ports: PatiencePorts, rules: Rules) {
    this.#ports = ports;
    this.#rules = rules;
    this.#limitMs = rules.takesLong ? LONG_ANSWER_MS : ANSWER_MS;
  }

  async forAnswer<T>(request: Request<T>): Promise<T> {
    for (let mayHaveActed = false; ;) {
      const { url, apiToken: token } = await this.forInstance();
      this.#waitForAnswer();
      const heard = () => this.#beginLimit();
      const outcome = await request({ endpoint: { url, token }, signal: this.#late.signal, mayHaveActed, heard });
      if (outcome.answered) return outcome.value;
      mayHaveActed ||= outcome.mayHaveActed;
      if (mayHaveActed && !this.#rules.isSafeToRepeat) throw outcome.error;
      if (!(outcome.error instanceof UnreachableError)) this.#said = outcome.error;
      await this.#beforeNext();
    }
  }

  async forInstance(): Promise<Instance> {
    for (;;) {
      const instance = await this.#ports.instance();
      if (instance !== null) return instance;
      await this.#beforeNext();
    }
  }

  end(): void {
    this.#cancelLimit();
    this.#cancelNote?.();
  }

  /** Pauses. Throws when there is no sense in another try. */
  async #beforeNext(): Promise<void> {
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
        if (this.#late.signal.aborted) throw this.#tooLate(presence.instance.pid);
        // A request that takes long is no sign that Samovar does not answer; a failed one is.
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
    this.#beginLimit();
    if (!this.#rules.takesLong) this.#cancelNote = this.#noteLater(NOT_ANSWERING);
  }

  /** Without a limit: `samovar up` ends by itself when it cannot start. */
  #waitForStart(pid: number): void {
    if (this.#stage === "start") return;
    this.#enter("start");
    this.#cancelNote = this.#noteLater(`Samovar is starting (process ${pid}); waiting for it.`);
  }

  #enter(stage: "answer" | "start"): void {
    this.end();
    this.#stage = stage;
    this.#late = new AbortController();
    this.#cancelNote = null;
  }

  #beginLimit(): void {
    this.#cancelLimit();
    this.#cancelLimit = this.#ports.time.after(this.#limitMs, () => this.#late.abort());
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
    this.#late.signal.addEventListener("abort", over);
    await promise;
    cancel();
    this.#late.signal.removeEventListener("abort", over);
  }

  #tooLate(pid: number): CliError {
    if (this.#said !== null) return this.#said;
    const lost = this.#rules.changesNothing
      ? ""
      : "What you asked for may have been done: check before you repeat it. ";
    return new CliError(
      `Samovar runs (process ${pid}), but has not answered for ${this.#limitMs / 1000} seconds.`,
      `${lost}Try again in a moment. If it stays so, stop it with Ctrl-C and start it again with: samovar up`,
    );
  }
}
