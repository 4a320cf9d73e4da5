/** The workspace token, as the daemon brings it; whoever needs one waits here. In memory only. Keeps S1 [F38]. */

export class TokenBox {
  #token: string | null = null;
  #refused: string | null = null;
  #waiting: ((token: string) => void)[] = [];
  readonly #onChange: () => void;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Whether the last one was refused and none came since. */
  get wanted(): boolean {
    return this.#token === null && this.#refused !== null;
  }

  /** False for one that was refused already. */
  put(token: string): boolean {
    if (token === this.#refused) return false;
    this.#token = token;
    for (const resolve of this.#waiting.splice(0)) resolve(token);
    this.#onChange();
    return true;
  }

  refuse(token: string): void {
    this.#refused = token;
    if (this.#token === token) this.#token = null;
    this.#onChange();
  }

  get(): Promise<string> {
    if (this.#token !== null) return Promise.resolve(this.#token);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
