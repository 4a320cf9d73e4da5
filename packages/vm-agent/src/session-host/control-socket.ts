/**
 * The host's unix socket: JSON lines. Each connection gets the whole status, then each changed status, and an acknowledgement
 * of each command, which distinguishes a slow host from one that does not answer.
 */
import { chmodSync, existsSync, unlinkSync } from "node:fs";
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
/** Counters change with every message and are sent at most this often. */
const COUNTERS_EVERY_MS = 250;

export class ControlSocket {
  readonly #ports: ControlSocketPorts;
  readonly #server: Server;
  readonly #sent = new Map<Socket, string>();
  #milestones = "";
  #later = false;
  #closed = false;

  constructor(ports: ControlSocketPorts) {
    this.#ports = ports;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /**
   * Replaces the socket file of a dead host: the lock on the session's file guarantees that no other host runs. Only this user
   * can connect. Node does not know who has connected, so file permissions are the check: of the socket, and of its private directory.
   */
  listen(): Promise<void> {
    const { path } = this.#ports;
    if (existsSync(path)) unlinkSync(path);
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(path, () => {
        chmodSync(path, 0o600);
        resolve();
      });
    });
  }

  /** Call when the status may have changed: milestones are sent at once, counters soon. */
  scheduleStatus(): void {
    if (this.#closed) return;
    const milestones = getMilestones(this.#ports.status());
    if (milestones !== this.#milestones) {
      this.#milestones = milestones;
      this.#sendToAll();
      return;
    }
    if (this.#later) return;
    this.#later = true;
    this.#ports.timers.after(COUNTERS_EVERY_MS, () => {
      this.#later = false;
      if (!this.#closed) this.#sendToAll();
    });
  }

  /** Sends the last status, closes the socket and removes its file. */
  close(): Promise<void> {
    this.#sendToAll();
    this.#closed = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sent.keys()) socket.end(() => socket.destroy());
    return closed;
  }

  #accept(socket: Socket): void {
    const lines = new LineSplitter(COMMAND_MAX_CHARS);
    this.#sent.set(socket, "");
    socket.on("data", (bytes) => {
      for (const line of lines.push(bytes)) this.#command(line, socket);
    });
    socket.on("drain", () => this.#send(socket, this.#ports.status()));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sent.delete(socket));
    this.#send(socket, this.#ports.status());
  }

  #command(line: string, socket: Socket): void {
    const parsed = hostCommand.safeParse(parseJson(line));
    if (!parsed.success) return this.#ports.log.warn("socket.command_rejected");
    write(socket, { type: "ack", command: parsed.data.type });
    this.#ports.onCommand(parsed.data);
  }

  #sendToAll(): void {
    const status = this.#ports.status();
    for (const socket of this.#sent.keys()) this.#send(socket, status);
  }

  /** A slow reader gets the newest status when it has read the last one. */
  #send(socket: Socket, status: HostStatus): void {
    if (socket.writableNeedDrain || socket.writableEnded) return;
    const line = JSON.stringify(status);
    if (this.#sent.get(socket) === line) return;
    this.#sent.set(socket, line);
    write(socket, { type: "status", status });
  }
}

function write(socket: Socket, frame: HostFrame): void {
  if (!socket.writableEnded) socket.write(`${JSON.stringify(frame)}\n`);
}

const getMilestones = ({ phase, startedAt, capabilities, end, closed, drained, needsToken }: HostStatus): string =>
  JSON.stringify([phase, startedAt, capabilities !== null, end, closed, phase === "ended" && drained, needsToken]);
