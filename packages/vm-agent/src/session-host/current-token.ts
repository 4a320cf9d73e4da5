/** The workspace token that the daemon sends, or a wait for it. In memory only. Keeps S1 [F38]. */

export class CurrentToken {
  #token: string | null = null;
  #classifyError: string | null = null;
  #waiting: ((token: string) => void)[] = [];
  readonly #onChange: () => void;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Whether the last token was rejected and no other came since. */
  get isReplacementNeeded(): boolean {
    return this.#token === null && this.#classifyError !== null;
  }

  /** False for a token that was rejected before. */
  put(token: string): boolean {
    if (token === this.#classifyError) return false;
    this.#token = token;
    for (const resolve of this.#waiting.splice(0)) resolve(token);
    this.#onChange();
    return true;
  }

  reject(token: string): void {
    this.#classifyError = token;
    if (this.#token === token) this.#token = null;
    this.#onChange();
  }

  get(): Promise<string> {
    if (this.#token !== null) return Promise.resolve(this.#token);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
