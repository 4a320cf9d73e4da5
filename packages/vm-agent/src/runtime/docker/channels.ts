/**
 * Messages and byte streams over one pair of pipes: the only connection between a session host and its container. Each stream
 * has a window, so that a reader that pauses holds back its own stream and no other. What breaks these rules closes everything:
 * the other end is a container whose programs are not trusted.
 */
import { Duplex, type Readable, type Writable } from "node:stream";

/** A frame: kind (1 byte), channel (4), length (4), then as many bytes. */
const HEADER_BYTES = 9;
const KIND = { message: 0, data: 1, end: 2, window: 3, reset: 4 } as const;
const FRAME_MAX_BYTES = 64 * 1024;
const MESSAGE_MAX_BYTES = 4 * 1024 * 1024;
/** Bytes that may be on their way in one direction of a channel. */
const WINDOW_BYTES = 256 * 1024;
const CHANNELS_MAX = 512;

export interface ChannelsPorts {
  readonly input: Readable;
  readonly output: Writable;
  /** A message of the other end; it may be anything that JSON can express. */
  onMessage(message: unknown): void;
  /** Called once, when the other end is gone or broke the rules, with the reason. */
  onClosed(reason: string): void;
}

export class Channels {
  readonly #ports: ChannelsPorts;
  readonly #open = new Map<number, Channel>();
  #buffered: Buffer[] = [];
  #bufferedBytes = 0;
  #closed = false;

  constructor(ports: ChannelsPorts) {
    this.#ports = ports;
    const { input, output } = ports;
    input.on("data", (bytes: Buffer) => this.#receive(bytes));
    input.once("close", () => this.close("the connection was closed"));
    input.once("end", () => this.close("the connection was closed"));
    for (const pipe of [input, output]) pipe.on("error", (error: Error) => this.close(error.message));
  }

  send(message: object): void {
    this.#write(KIND.message, 0, Buffer.from(JSON.stringify(message)));
  }

  /** A new channel, on which bytes leave as soon as the other end has accepted it. Throws when there are too many. */
  open(id: number): Duplex {
    return this.#add(id, 0);
  }

  /** A channel that the other end has opened. Throws when there are too many, or the number is in use. */
  accept(id: number): Duplex {
    const channel = this.#add(id, WINDOW_BYTES);
    this.#write(KIND.window, id, toWindow(WINDOW_BYTES));
    return channel;
  }

  #add(id: number, credit: number): Channel {
    if (this.#open.size >= CHANNELS_MAX || this.#open.has(id)) throw new Error(`channel ${id} cannot be opened`);
    const channel = new Channel(credit, {
      send: (kind, bytes) => this.#write(KIND[kind], id, bytes),
      onDone: () => this.#open.delete(id),
    });
    if (this.#closed) channel.abandon();
    else this.#open.set(id, channel);
    return channel;
  }

  /** Ends all channels: what they received can still be read. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const channel of this.#open.values()) channel.abandon();
    this.#open.clear();
    this.#ports.onClosed(reason);
  }

  #write(kind: number, channel: number, bytes: Buffer): void {
    if (this.#closed || !this.#ports.output.writable) return;
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt8(kind, 0);
    header.writeUInt32BE(channel, 1);
    header.writeUInt32BE(bytes.length, 5);
    this.#ports.output.write(Buffer.concat([header, bytes]));
  }

  #receive(bytes: Buffer): void {
    this.#buffered.push(bytes);
    this.#bufferedBytes += bytes.length;
    while (!this.#closed && this.#bufferedBytes >= HEADER_BYTES) {
      const all = this.#joinBuffered();
      const [kind, length] = [all.readUInt8(0), all.readUInt32BE(5)];
      if (length > (kind === KIND.message ? MESSAGE_MAX_BYTES : FRAME_MAX_BYTES))
        return this.close("a frame was too long");
      if (all.length < HEADER_BYTES + length) return;
      const payload = all.subarray(HEADER_BYTES, HEADER_BYTES + length);
      this.#buffered = [all.subarray(HEADER_BYTES + length)];
      this.#bufferedBytes = all.length - HEADER_BYTES - length;
      this.#take(kind, all.readUInt32BE(1), payload);
    }
  }

  #joinBuffered(): Buffer {
    const all = this.#buffered.length === 1 ? this.#buffered[0] : undefined;
    if (all !== undefined) return all;
    const joined = Buffer.concat(this.#buffered);
    this.#buffered = [joined];
    return joined;
  }

  #take(kind: number, id: number, payload: Buffer): void {
    if (kind === KIND.message) return this.#takeMessage(payload);
    // One that was closed here may still get frames that were under way.
    const channel = this.#open.get(id);
    if (channel === undefined) return;
    if (kind === KIND.data && !channel.receive(payload)) return this.close("a stream exceeded its window");
    if (kind === KIND.end) channel.receiveEnd();
    if (kind === KIND.reset) channel.abandon();
    if (kind === KIND.window && payload.length === 4) channel.widen(payload.readUInt32BE(0));
  }

  #takeMessage(payload: Buffer): void {
    let message: unknown;
    try {
      message = JSON.parse(payload.toString("utf8"));
    } catch {
      return this.close("a message was not JSON");
    }
    this.#ports.onMessage(message);
  }
}

interface ChannelPorts {
  send(kind: "data" | "end" | "window" | "reset", bytes: Buffer): void;
  /** Both directions have ended. */
  onDone(): void;
}

const NOTHING = Buffer.alloc(0);

function toWindow(bytes: number): Buffer {
  const window = Buffer.alloc(4);
  window.writeUInt32BE(bytes);
  return window;
}

class Channel extends Duplex {
  readonly #ports: ChannelPorts;
  #credit: number;
  #isAccepted: boolean;
  #unread = 0;
  #hasReceivedEnd = false;
  #pending: { bytes: Buffer; done: () => void } | null = null;
  #pendingEnd: (() => void) | null = null;

  /** `credit`: 0 for one that the other end has not accepted yet. */
  constructor(credit: number, ports: ChannelPorts) {
    super({ allowHalfOpen: true, readableHighWaterMark: FRAME_MAX_BYTES, writableHighWaterMark: FRAME_MAX_BYTES });
    this.#credit = credit;
    this.#isAccepted = credit > 0;
    this.#ports = ports;
    this.once("close", () => ports.onDone());
    this.on("error", () => {
      // The other end is gone.
    });
  }

  /** False when the sender was not allowed to send as much. */
  receive(bytes: Buffer): boolean {
    if (this.#hasReceivedEnd || this.destroyed) return true;
    this.#unread += bytes.length;
    if (this.#unread > WINDOW_BYTES) return false;
    // Copied, because a slice would keep the whole chunk in memory.
    this.push(Buffer.from(bytes));
    return true;
  }

  receiveEnd(): void {
    if (this.#hasReceivedEnd || this.destroyed) return;
    this.#hasReceivedEnd = true;
    this.push(null);
  }

  widen(bytes: number): void {
    this.#isAccepted = true;
    this.#credit = Math.min(WINDOW_BYTES, this.#credit + bytes);
    this.#writeOn();
  }

  /** The other end is gone: no more comes, and what is written is lost. */
  abandon(): void {
    this.receiveEnd();
    this.#isAccepted = true;
    this.#credit = Number.POSITIVE_INFINITY;
    this.#writeOn();
    this.end();
  }

  /** Called before the reader takes what it reads. */
  override _read(): void {
    process.nextTick(() => this.#widenSender());
  }

  #widenSender(): void {
    if (this.destroyed) return;
    // What waits in this stream's buffer is not read yet.
    const read = this.#unread - this.readableLength;
    if (read <= 0) return;
    this.#unread -= read;
    this.#ports.send("window", toWindow(read));
  }

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    this.#pending = { bytes, done };
    this.#writeOn();
  }

  override _final(done: () => void): void {
    this.#pendingEnd = done;
    this.#writeOn();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#hasReceivedEnd || !this.writableFinished) this.#ports.send("reset", NOTHING);
    this.#pending = null;
    this.#pendingEnd = null;
    done(error);
  }

  #writeOn(): void {
    while (this.#pending !== null && this.#credit > 0) {
      const { bytes, done } = this.#pending;
      const part = bytes.subarray(0, Math.min(bytes.length, this.#credit, FRAME_MAX_BYTES));
      this.#credit -= part.length;
      this.#ports.send("data", part);
      const rest = bytes.subarray(part.length);
      this.#pending = rest.length === 0 ? null : { bytes: rest, done };
      if (rest.length === 0) done();
    }
    if (this.#pendingEnd === null || !this.#isAccepted) return;
    const done = this.#pendingEnd;
    this.#pendingEnd = null;
    this.#ports.send("end", NOTHING);
    done();
  }
}
