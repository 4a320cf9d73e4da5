/** For tests: a start gate that lets in whom the test names, and shows who waits. */
import { rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";

export class TestStartGate {
  readonly path: string;
  /** All that ever asked. */
  asked = 0;
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

  get admitted(): number {
    return this.#admitted.size;
  }

  /** The one that came first. */
  admit(): void {
    const socket = this.#waiting.shift();
    if (socket === undefined) throw new Error("nobody waits");
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
      this.asked++;
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
