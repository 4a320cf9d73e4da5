/**
 * The secrets that this session's host knows: workspace tokens, the model's key, the gateway's key and the owner's secret
 * variables; and digests of the installation's other ones. They are redacted in everything that is recorded. In memory only. Keeps S1.
 */
import { sha256 } from "@samovar/base/sha256";
import type { SecretDigests } from "@samovar/contracts";
import { DigestSearch } from "@samovar/domain/secret-digests";
import { SecretRedactor } from "@samovar/domain/secret-redactor";

export class SessionSecrets {
  readonly #values = new Set<string>();
  #digests: DigestSearch | null = null;
  #redactor = new SecretRedactor([]);

  /** Call it before anything can print them. A renewed token is added to those before it. */
  add(values: readonly string[]): void {
    const known = this.#values.size;
    for (const value of values) this.#values.add(value);
    if (this.#values.size > known) this.#renew();
  }

  /** Of secrets that this host must not know. */
  addDigests(digests: SecretDigests): void {
    this.#digests = new DigestSearch(digests, sha256);
    this.#renew();
  }

  #renew(): void {
    this.#redactor = new SecretRedactor([...this.#values], this.#digests);
  }

  get redactor(): SecretRedactor {
    return this.#redactor;
  }
}
