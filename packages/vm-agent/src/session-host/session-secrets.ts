/**
 * The secrets that this session's host knows: workspace tokens, the model's key, the gateway's key and the owner's secret
 * variables. They are redacted in everything that is recorded. In memory only. Keeps S1.
 */
import { SecretRedactor } from "@samovar/domain/secret-redactor";

export class SessionSecrets {
  readonly #values = new Set<string>();
  #redactor = new SecretRedactor([]);

  /** Call it before anything can print them. A renewed token is added to those before it. */
  add(values: readonly string[]): void {
    const known = this.#values.size;
    for (const value of values) this.#values.add(value);
    if (this.#values.size > known) this.#redactor = new SecretRedactor([...this.#values]);
  }

  get redactor(): SecretRedactor {
    return this.#redactor;
  }
}
