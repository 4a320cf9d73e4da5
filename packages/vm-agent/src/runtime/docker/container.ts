/** A running container and the programs in it. What it sends is not trusted: it may be its hostile program that writes. */
import { spawn, type ChildProcess } from "node:child_process";
import { connect } from "node:net";
import type { Duplex, Readable } from "node:stream";
import type { Timers } from "@samovar/base";
import { lowerArgv, lowerGroup } from "@samovar/processes";
import type { ProgramExit, RuntimeProcess, RuntimeProgram } from "../runtime.ts";
import { Channels } from "./channels.ts";
import { getContainerArguments, type ContainerPlan } from "./container-arguments.ts";
import { createContainerEnvironment } from "./container-environment.ts";
import {
  containerEvent,
  isContainerChannel,
  type ContainerCommand,
  type ContainerEvent,
} from "./container-messages.ts";
import { NO_USAGE, type Usage } from "../../limits/usage.ts";
import { findInContainer, isFirstProcess } from "./container-pids.ts";
import { readContainerUsage } from "./container-usage.ts";
import { callEngine, getClientEnvironment, getEngineArgv, removeContainers } from "./engine.ts";
import { SEEN } from "../sandbox-arguments.ts";

/** For the engine to end a container whose first program does not end by itself. */
const END_GRACE_MS = 10_000;
const STDERR_TAIL_CHARS = 1000;

export class Container {
  readonly #plan: ContainerPlan;
  readonly #projectEnvironment: Readonly<Record<string, string>>;
  readonly #timers: Timers;
  readonly #child: ChildProcess;
  readonly #channels: Channels;
  /** Resolves when the engine has removed it. */
  readonly #gone: Promise<void>;
  readonly #programs = new Map<number, ContainerProgram>();
  /** Ports of the node's loopback that the container may reach. */
  readonly #ports = new Set<number>();
  #imageEnvironment: Readonly<Record<string, string>> | null = null;
  #waiting: (() => void)[] = [];
  #errors = "";
  #left = 0;
  #lastProgram = 0;
  #firstPid: number | null = null;
  #hasEnded = false;

  constructor(plan: ContainerPlan, projectEnvironment: Readonly<Record<string, string>>, timers: Timers) {
    this.#plan = plan;
    this.#projectEnvironment = projectEnvironment;
    this.#timers = timers;
    const env = getClientEnvironment(process.env);
    const [file, ...words] = lowerArgv(getEngineArgv(plan.container, getContainerArguments(plan)), env["PATH"]);
    const child = spawn(file, words, { cwd: "/", env, stdio: ["pipe", "pipe", "pipe"], detached: true });
    this.#child = child;
    lowerGroup(child);
    child.stderr.on("data", (bytes: Buffer) => {
      this.#errors = (this.#errors + bytes.toString()).slice(-STDERR_TAIL_CHARS);
    });
    this.#gone = new Promise((resolve) => {
      child.once("error", (error) => {
        this.#errors += error.message;
        resolve();
      });
      child.once("close", () => resolve());
    });
    this.#channels = new Channels({
      input: child.stdout,
      output: child.stdin,
      onMessage: (message) => this.#receive(message),
      onClosed: () => void this.#onClosed(),
    });
    void this.#gone.then(() => this.#onGone());
  }

  /** Takes no more programs. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  start(program: RuntimeProgram): RuntimeProcess {
    const number = (this.#lastProgram += 1);
    const ids = { channel: number * 4, errors: number * 4 + 2 };
    const started = new ContainerProgram({
      pid: this.#child.pid ?? null,
      hasInput: program.stdin === "pipe",
      main: this.#channels.open(ids.channel),
      errors: this.#channels.open(ids.errors),
      findPid: (pid) => (this.#firstPid === null ? null : findInContainer(this.#firstPid, pid)),
      signal: (name) => this.#whenReady(() => this.#send({ type: "signal", program: number, name })),
    });
    this.#programs.set(number, started);
    this.#whenReady((image) =>
      this.#send({
        type: "start",
        program: number,
        argv: [...program.argv],
        env: createContainerEnvironment({ image, project: this.#projectEnvironment, program: program.env }),
        cwd: SEEN.checkout,
        hasInput: program.stdin === "pipe",
        ...ids,
      }),
    );
    return started;
  }

  /** Repeatable. The port of the node's loopback is reached at the same port of the programs' own. */
  forward(port: number): void {
    if (this.#ports.has(port)) return;
    this.#ports.add(port);
    this.#whenReady(() => this.#send({ type: "forward", port }));
  }

  /** Nothing where the engine does not run on this kernel: it still keeps the container within its limits. */
  readUsage(max: Usage): Usage {
    return this.#firstPid === null ? NO_USAGE : readContainerUsage(this.#firstPid, max);
  }

  /** Resolves, when the container is removed, with the number of processes that were left in it. */
  async end(): Promise<number> {
    if (!this.#hasEnded) {
      this.#hasEnded = true;
      this.#whenReady(() => this.#send({ type: "end" }));
      if (this.#imageEnvironment === null) this.#child.stdin?.end();
    }
    const cancel = this.#timers.after(END_GRACE_MS, () => void this.#remove());
    await this.#gone;
    cancel();
    return this.#left;
  }

  #send(command: ContainerCommand): void {
    this.#channels.send(command);
  }

  /** Calls it with the image's environment, now or later; never when the container does not start. */
  #whenReady(action: (image: Readonly<Record<string, string>>) => void): void {
    const image = this.#imageEnvironment;
    if (image === null) this.#waiting.push(() => action(this.#imageEnvironment ?? {}));
    else action(image);
  }

  #receive(message: unknown): void {
    const parsed = containerEvent.safeParse(message);
    if (!parsed.success) return this.#channels.close("an unknown message");
    const event = parsed.data;
    switch (event.type) {
      case "ready":
        return this.#onReady(event.env);
      case "started":
        return this.#programs.get(event.program)?.onStarted(event.pid);
      case "exited":
        this.#programs.get(event.program)?.onExited(event);
        this.#programs.delete(event.program);
        return;
      case "connection":
        return this.#connect(event);
      case "ended":
        this.#left = event.left;
        return;
    }
  }

  #onReady(env: Readonly<Record<string, string>>): void {
    if (this.#imageEnvironment !== null) return;
    this.#imageEnvironment = env;
    for (const action of this.#waiting.splice(0)) action();
    void this.#findFirstPid();
  }

  async #findFirstPid(): Promise<void> {
    const { container, name } = this.#plan;
    const answer = await callEngine(container, ["inspect", "--format", "{{.State.Pid}}", name]);
    const pid = Number(answer.output.trim());
    if (answer.ok && Number.isInteger(pid) && isFirstProcess(pid)) this.#firstPid = pid;
  }

  /** The container can reach the ports that it was given, and no others. */
  #connect({ port, channel: id }: Extract<ContainerEvent, { type: "connection" }>): void {
    if (!this.#ports.has(port) || !isContainerChannel(id)) return this.#channels.close("a port that is not forwarded");
    let channel: Duplex;
    try {
      channel = this.#channels.accept(id);
    } catch {
      return this.#channels.close("too many connections");
    }
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.once("error", () => channel.destroy());
    channel.once("close", () => socket.destroy());
    channel.pipe(socket).pipe(channel);
  }

  /** The container's output has ended, or it broke the rules: then it is ended too. */
  async #onClosed(): Promise<void> {
    this.#hasEnded = true;
    this.#child.stdin?.destroy();
    this.#child.stdout?.resume();
    const cancel = this.#timers.after(END_GRACE_MS, () => void this.#remove());
    await this.#gone;
    cancel();
  }

  #onGone(): void {
    this.#hasEnded = true;
    const hasStarted = this.#imageEnvironment !== null;
    const exit: ProgramExit = hasStarted
      ? { code: null, signal: "SIGKILL", error: null }
      : { code: null, signal: null, error: describeFailedStart(this.#errors) };
    for (const program of this.#programs.values()) program.onExited(exit);
    this.#programs.clear();
    this.#channels.close("the container is gone");
  }

  async #remove(): Promise<void> {
    const { container, mark, name } = this.#plan;
    await removeContainers(container, container.owner, (each, called) => each === mark && called === name);
    // A client that does not see the end of its container would keep this process waiting.
    this.#child.kill("SIGKILL");
  }
}

function describeFailedStart(errors: string): string {
  const hint = /no such file or directory|not found|GLIBC|libstdc/i.test(errors)
    ? " The image needs the GNU C library and libstdc++, as Debian's, Ubuntu's and Fedora's images have them."
    : "";
  return `The workspace's container could not be started: ${errors.trim().split("\n").slice(-3).join(" ")}.${hint}`;
}

interface ProgramPorts {
  /** Of the engine's client on the node. */
  readonly pid: number | null;
  readonly hasInput: boolean;
  /** stdin and stdout. */
  readonly main: Duplex;
  readonly errors: Duplex;
  findPid(pid: number): number | null;
  signal(name: "SIGTERM" | "SIGKILL"): void;
}

class ContainerProgram implements RuntimeProcess {
  readonly pid: number | null;
  readonly stdin: RuntimeProcess["stdin"];
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exited: Promise<ProgramExit>;
  readonly #ports: ProgramPorts;
  readonly #exit = Promise.withResolvers<ProgramExit>();
  /** In the container. */
  #innerPid: number | null = null;
  #programPid: number | null = null;
  #hasExited = false;

  constructor(ports: ProgramPorts) {
    this.#ports = ports;
    this.pid = ports.pid;
    this.stdin = ports.hasInput ? ports.main : null;
    this.stdout = ports.main;
    this.stderr = ports.errors;
    if (!ports.hasInput) ports.main.end();
    ports.errors.end();
    const outputs = [ports.main, ports.errors].map(waitForOutput);
    this.exited = this.#exit.promise.then(async (exit) => {
      await Promise.all(outputs);
      return exit;
    });
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  getProgramPid(): number | null {
    if (this.#programPid === null && this.#innerPid !== null) this.#programPid = this.#ports.findPid(this.#innerPid);
    return this.#programPid ?? this.pid;
  }

  signal(name: "SIGTERM" | "SIGKILL"): void {
    if (!this.#hasExited) this.#ports.signal(name);
  }

  onStarted(pid: number): void {
    this.#innerPid = pid;
  }

  onExited({ code, signal, error }: ProgramExit): void {
    if (this.#hasExited) return;
    this.#hasExited = true;
    this.#exit.resolve({ code, signal, error });
    this.#ports.main.end();
    // Its output comes to an end, also where it was paused.
    this.stdout.resume();
    this.stderr.resume();
  }
}

const waitForOutput = (pipe: Duplex): Promise<void> =>
  new Promise((resolve) => {
    pipe.once("end", resolve);
    pipe.once("close", resolve);
  });
