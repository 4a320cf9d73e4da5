/** For tests: a start gate that admits processes when the test says so, and counts those that wait. */
import { rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";

export class TestStartGate {
  readonly path: string;
  /** How many permits were requested so far. */
  requests = 0;
  readonly #waiting: Socket[] = [];
  readonly #admitted = new Set<Socket>();
  readonly #server = createServer((socket) => this.#accept(socket));

  constructor(path: string) {
    this.path = path;
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(this.path, resolve));
    return this;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get runWhenAdmitted(): number {
    return this.#admitted.size;
  }

  /** Admits the first in the queue. */
  admit(): void {
    const socket = this.#waiting.shift();
    if (socket === undefined) throw new Error("the queue is empty");
    this.#admitted.add(socket);
    socket.write("go\n");
  }

  close(): void {
    for (const socket of [...this.#waiting, ...this.#admitted]) socket.destroy();
    this.#server.close();
    rmSync(this.path, { force: true });
  }

  #accept(socket: Socket): void {
    socket.once("data", () => {
      this.requests++;
      this.#waiting.push(socket);
    });
    socket.on("error", () => {});
    socket.once("close", () => {
      this.#admitted.delete(socket);
      const at = this.#waiting.indexOf(socket);
      if (at !== -1) this.#waiting.splice(at, 1);
    });
  }
}
