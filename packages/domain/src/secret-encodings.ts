/** The forms in which a secret is searched for: as it is, and in the encodings that tools commonly print. Pure. Keeps S1. */

/** Shorter values occur in ordinary text and are not searched for. In UTF-16 units. */
export const SECRET_MIN_CHARS = 8;

/**
 * All forms of a secret, without line breaks, which a search skips: encoders and terminals wrap long lines. None for a value
 * of less than {@link SECRET_MIN_CHARS}.
 */
export function encodeSecret(value: string): readonly string[] {
  const secret = value.toWellFormed().trim();
  if (secret.length < SECRET_MIN_CHARS) return [];
  const bytes = new TextEncoder().encode(secret);
  const json = escapeJson(secret);
  const forms = [secret, json, escapeJson(json), ...encodeUrl(secret), ...encodeHex(bytes), ...encodeBase64(bytes)];
  const unbroken = forms.map((form) => form.replaceAll(/[\r\n]/g, ""));
  return [...new Set(unbroken)].filter((form) => form.length >= SECRET_MIN_CHARS);
}

const escapeJson = (text: string): string => JSON.stringify(text).slice(1, -1);

/** As a path's part and as a form's field, with either case of hexadecimal digits. */
function encodeUrl(text: string): readonly string[] {
  const part = encodeURIComponent(text);
  const strict = part.replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  const upper = [part, strict, strict.replaceAll("%20", "+")];
  return [...upper, ...upper.map((form) => form.replaceAll(/%../g, (code) => code.toLowerCase()))];
}

function encodeHex(bytes: Uint8Array): readonly string[] {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex, hex.toUpperCase()];
}

/**
 * The characters that depend on the secret alone, for each position of its first byte in a group of three: encoded text may
 * have more before and after the secret. Up to four bits of its first and last byte are in the neighbouring characters. The
 * same with the last character of a text that ends with the secret.
 */
function encodeBase64(bytes: Uint8Array): readonly string[] {
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return [0, 1, 2].flatMap((before) => {
    const start = Math.ceil((before * 8) / 6);
    const last = btoa("\0".repeat(before) + binary)
      .slice(start)
      .replace(/=+$/, "");
    const own = last.slice(0, Math.floor(((before + bytes.length) * 8) / 6) - start);
    return [own, last].flatMap((form) => [form, form.replaceAll("+", "-").replaceAll("/", "_")]);
  });
}
