/** Removes secrets from text and log fields before they reach any sink. Keeps S1. */

const MASK = "[redacted]";

/** Shapes of secrets that we or our providers issue. */
const SECRET_SHAPES: readonly RegExp[] = [
  /\bsmv_[A-Za-z0-9_-]{16,}/g,
  /\bsk-ant-[A-Za-z0-9_-]{8,}/g,
  /\bsk-[A-Za-z0-9_-]{20,}/g,
  /\bgh[pousr]_[A-Za-z0-9]{20,}/g,
  /\bgithub_pat_[A-Za-z0-9_]{20,}/g,
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/g,
  /(?<=:\/\/)[^/\s:@]+:[^/\s@]+(?=@)/g,
  /(?<=\bbearer\s+)[A-Za-z0-9._~+/=-]{12,}/gi,
];

const SECRET_FIELD = /token|secret|password|authorization|api[-_]?key|cookie|credential/i;

export function redactText(text: string): string {
  return SECRET_SHAPES.reduce((kept, shape) => kept.replace(shape, MASK), text);
}

const SECRET_MIN_CHARS = 6;

/** Takes known secrets out, longest first. Values so short that they are in every text are no secrets. */
export function redactValues(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret.length >= SECRET_MIN_CHARS)
    .toSorted((a, b) => b.length - a.length)
    .reduce((kept, secret) => kept.replaceAll(secret, MASK), text);
}

/** A copy in which string values are redacted and fields with a secret's name are masked. */
export function redactFields(value: unknown, depth = 6): unknown {
  if (typeof value === "string") return redactText(value);
  if (value instanceof Error) return { name: value.name, message: redactText(value.message) };
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) return "[deep]";
  if (Array.isArray(value)) return value.map((item) => redactFields(item, depth - 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      key,
      SECRET_FIELD.test(key) && typeof field === "string" ? MASK : redactFields(field, depth - 1),
    ]),
  );
}
