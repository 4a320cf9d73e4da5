/**
 * The host's unix socket: JSON lines. Each connection gets the whole state, each later one that differs, and an
 * acknowledgement of each command, so that a host that is slow to act is told from one that does not answer.
 */
import { existsSync, unlinkSync } from "node:fs";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import type { Logger, Timers } from "@samovar/base";
import { parseJson } from "@samovar/base";
import type { HostCommand, HostFrame, HostStatus } from "@samovar/contracts";
import { hostCommand } from "@samovar/contracts";
import { LineSplitter } from "./line-splitter.ts";

export interface ControlSocketPorts {
  readonly path: string;
  readonly timers: Timers;
  readonly log: Logger;
  status(): HostStatus;
  onCommand(command: HostCommand): void;
}

const COMMAND_MAX_CHARS = 256 * 1024;
/** Counters change with every message; that much is told this often. */
const COUNTERS_EVERY_MS = 250;

export class ControlSocket {
  readonly #ports: ControlSocketPorts;
  readonly #server: Server;
  readonly #told = new Map<Socket, string>();
  #milestones = "";
  #later = false;
  #closed = false;

  constructor(ports: ControlSocketPorts) {
    this.#ports = ports;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** A socket file that a dead host has left is replaced: the session's file guarantees that there is no living one. */
  listen(): Promise<void> {
    const { path } = this.#ports;
    if (existsSync(path)) unlinkSync(path);
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(path, () => resolve());
    });
  }

  /** The state may have changed: milestones are told at once, counters soon. */
  changed(): void {
    if (this.#closed) return;
    const milestones = milestonesOf(this.#ports.status());
    if (milestones !== this.#milestones) {
      this.#milestones = milestones;
      this.#tellAll();
      return;
    }
    if (this.#later) return;
    this.#later = true;
    this.#ports.timers.after(COUNTERS_EVERY_MS, () => {
      this.#later = false;
      if (!this.#closed) this.#tellAll();
    });
  }

  /** Tells the last state, closes, removes the file. */
  close(): Promise<void> {
    this.#tellAll();
    this.#closed = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#told.keys()) socket.end(() => socket.destroy());
    return closed;
  }

  #accept(socket: Socket): void {
    const lines = new LineSplitter(COMMAND_MAX_CHARS);
    this.#told.set(socket, "");
    socket.on("data", (bytes) => {
      for (const line of lines.push(bytes)) this.#command(line, socket);
    });
    socket.on("drain", () => this.#tell(socket, this.#ports.status()));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#told.delete(socket));
    this.#tell(socket, this.#ports.status());
  }

  #command(line: string, socket: Socket): void {
    const parsed = hostCommand.safeParse(parseJson(line));
    if (!parsed.success) return this.#ports.log.warn("socket.malformed_command");
    write(socket, { type: "ack", command: parsed.data.type });
    this.#ports.onCommand(parsed.data);
  }

  #tellAll(): void {
    const status = this.#ports.status();
    for (const socket of this.#told.keys()) this.#tell(socket, status);
  }

  /** A reader that is slow gets the newest state when it has read the last. */
  #tell(socket: Socket, status: HostStatus): void {
    if (socket.writableNeedDrain || socket.writableEnded) return;
    const line = JSON.stringify(status);
    if (this.#told.get(socket) === line) return;
    this.#told.set(socket, line);
    write(socket, { type: "status", status });
  }
}

function write(socket: Socket, frame: HostFrame): void {
  if (!socket.writableEnded) socket.write(`${JSON.stringify(frame)}\n`);
}

const milestonesOf = ({ phase, startedAt, capabilities, end, closed, drained, needsToken }: HostStatus): string =>
  JSON.stringify([phase, startedAt, capabilities !== null, end, closed, phase === "ended" && drained, needsToken]);
