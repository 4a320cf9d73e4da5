/**
 * `vm-agent container-init`: the first program of a workspace's container. Starts programs as its session host asks over the
 * container's standard input, and ends, with the whole container, when that input ends: so nothing outlives the host.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync } from "node:fs";
import { createServer } from "node:net";
import { setPriority } from "node:os";
import type { Duplex, Readable } from "node:stream";
import { readToEnd } from "../../session-host/read-to-end.ts";
import { Channels } from "./channels.ts";
import { containerCommand, type ContainerCommand, type ContainerEvent } from "./container-messages.ts";

type Start = Extract<ContainerCommand, { type: "start" }>;
type Exited = Extract<ContainerEvent, { type: "exited" }>;

const CONNECTIONS_MAX = 64;

/**
 * Resolves with the exit code when the session host is gone or has asked for the end. `niceness`: the CPU priority of the
 * programs, because an engine starts all containers with its own.
 */
export function runContainerInit(niceness: number): Promise<number> {
  lowerPriority(niceness);
  return new Promise((resolve) => {
    const init = new ContainerInit(() => resolve(0));
    init.report({ type: "ready", env: readEnvironment() });
  });
}

/** The image's environment. */
function readEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

function lowerPriority(niceness: number): void {
  try {
    setPriority(niceness);
  } catch {
    // The engine's own priority is lower already.
  }
}

class ContainerInit {
  readonly #channels: Channels;
  readonly #running = new Map<number, ChildProcess>();
  #lastChannel = -1;

  constructor(onClosed: () => void) {
    this.#channels = new Channels({
      input: process.stdin,
      output: process.stdout,
      onMessage: (message) => this.#perform(containerCommand.parse(message)),
      onClosed,
    });
  }

  report(event: ContainerEvent): void {
    this.#channels.send(event);
  }

  #perform(command: ContainerCommand): void {
    switch (command.type) {
      case "start":
        return this.#start(command);
      case "signal":
        return signalGroup(this.#running.get(command.program), command.name);
      case "forward":
        return this.#forward(command.port);
      case "end":
        this.report({ type: "ended", left: countOthers() });
        process.stdout.end(() => this.#channels.close("the host asked for the end"));
        return;
    }
  }

  #start({ program, argv: [file, ...args], env, cwd, hasInput, channel, errors }: Start): void {
    const [main, side] = [this.#channels.accept(channel), this.#channels.accept(errors)];
    const child = spawn(file, args, {
      env,
      cwd,
      stdio: [hasInput ? "pipe" : "ignore", "pipe", "pipe"],
      detached: true,
    });
    this.#running.set(program, child);
    if (child.stdin === null) main.resume();
    else main.pipe(child.stdin);
    child.stdin?.on("error", () => main.resume());
    child.stdout?.pipe(main, { end: false });
    child.stderr?.pipe(side, { end: false });
    side.resume();
    child.once("spawn", () => this.report({ type: "started", program, pid: child.pid ?? 0 }));
    const finish = (exit: Pick<Exited, "code" | "signal" | "error">) => {
      this.#running.delete(program);
      this.report({ type: "exited", program, ...exit });
      main.unpipe().resume();
      void sendRest(child.stdout, main);
      void sendRest(child.stderr, side);
    };
    child.once("error", (error) => finish({ code: null, signal: null, error: error.message.slice(0, 2000) }));
    child.once("exit", (code, signal) => finish({ code, signal, error: null }));
  }

  #forward(port: number): void {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#lastChannel += 2;
      const channel = this.#channels.open(this.#lastChannel);
      this.report({ type: "connection", port, channel: this.#lastChannel });
      socket.on("error", () => channel.destroy());
      channel.once("close", () => socket.destroy());
      socket.pipe(channel).pipe(socket);
    });
    server.maxConnections = CONNECTIONS_MAX;
    server.on("error", (error) => console.error(`port ${port}: ${error.message}`));
    server.listen(port, "127.0.0.1");
  }
}

/** Sends what the exited program wrote, also when the other end is not reading, and ends the stream. Services may write on. */
async function sendRest(pipe: Readable | null, channel: Duplex): Promise<void> {
  if (pipe !== null) {
    pipe.unpipe(channel);
    const send = (bytes: Buffer) => channel.write(bytes);
    pipe.on("data", send);
    await readToEnd(pipe);
    pipe.off("data", send).resume();
  }
  channel.end();
}

function signalGroup(child: ChildProcess | undefined, name: "SIGTERM" | "SIGKILL"): void {
  if (child?.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    // The group is gone already.
  }
}

/** The container's processes besides the engine's init and this one. */
function countOthers(): number {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name) && !["1", String(process.pid)].includes(name)).length;
}
