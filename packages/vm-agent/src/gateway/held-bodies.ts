/** Bodies of requests that are read before they are forwarded. Together they have a bound, because a hostile agent sends them. */
import type { IncomingMessage } from "node:http";
import { err, ok, type Result } from "@samovar/base";

export interface BodyRefusal {
  readonly status: number;
  readonly reason: string;
}

export interface HeldBody {
  readonly bytes: Buffer;
  /** Repeatable. */
  release(): void;
}

export class HeldBodies {
  readonly #maxOfOne: number;
  readonly #maxOfAll: number;
  #held = 0;

  constructor(maxOfOne: number, maxOfAll: number) {
    this.#maxOfOne = maxOfOne;
    this.#maxOfAll = maxOfAll;
  }

  async read(request: IncomingMessage): Promise<Result<HeldBody, BodyRefusal>> {
    const parts: Buffer[] = [];
    let size = 0;
    const release = () => {
      this.#held -= size;
      size = 0;
    };
    try {
      // A refusal still has to be sent over the request's connection.
      const incoming: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
      for await (const part of incoming) {
        size += part.length;
        this.#held += part.length;
        const refusal = this.#findRefusal(size);
        if (refusal !== null) {
          release();
          return err(refusal);
        }
        parts.push(part);
      }
    } catch {
      release();
      return err({ status: 400, reason: "the request did not come to its end" });
    }
    return ok({ bytes: Buffer.concat(parts), release });
  }

  #findRefusal(size: number): BodyRefusal | null {
    if (size > this.#maxOfOne) return { status: 413, reason: `a request may have at most ${this.#maxOfOne} bytes` };
    if (this.#held <= this.#maxOfAll) return null;
    return { status: 503, reason: "too many large requests wait for the session's limit; try again" };
  }
}
