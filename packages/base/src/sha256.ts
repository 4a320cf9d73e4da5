/** SHA-256 in Node and workerd. Not part of the index: the browser has no `node:crypto`. */
// oxlint-disable-next-line no-restricted-imports -- both platforms have this module, and WebCrypto can only hash asynchronously
import { createHash } from "node:crypto";

/** In lower-case hex; of a text, its UTF-8. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
