/** Hetzner's errors, by status and code, as {@link ProviderFault}s with what a person can do about them. */
import type { ProviderFault, ProviderFaultKind } from "../provider.ts";

export interface HetznerError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs: number | null;
}

const RETRIABLE: Record<ProviderFaultKind, boolean> = {
  unauthorized: false,
  invalid: false,
  // Each passes when a server is deleted, or with time.
  quota: true,
  capacity: true,
  conflict: true,
  locked: true,
  rate_limited: true,
  unavailable: true,
};

const ADVICE: Record<ProviderFaultKind, string> = {
  unauthorized: "Store a token of the Hetzner project that may read and write.",
  invalid: "This is not passing; look at the settings that the message names.",
  quota: "Delete servers that are not needed, or ask Hetzner to raise the project's limit.",
  capacity: "Hetzner has no such machine free at the moment; it is tried again.",
  conflict: "It is tried again.",
  locked: "Something else works on the server, or it is protected; it is tried again.",
  rate_limited: "Too many requests; it is tried again later.",
  unavailable: "Hetzner could not be reached or did not finish; it is tried again.",
};

export function providerFault(
  kind: ProviderFaultKind,
  code: string,
  reason: string,
  more: { readonly retryAfterMs?: number | null; readonly retriable?: boolean } = {},
): ProviderFault {
  return {
    kind,
    code,
    message: `Hetzner: ${reason} (${code}). ${ADVICE[kind]}`,
    retriable: more.retriable ?? RETRIABLE[kind],
    retryAfterMs: more.retryAfterMs ?? null,
  };
}

export function toProviderFault(error: HetznerError): ProviderFault {
  const kind = kindOf(error);
  return providerFault(kind, error.code, error.message, {
    retryAfterMs: error.retryAfterMs ?? (kind === "rate_limited" ? RATE_LIMIT_PAUSE_MS : null),
  });
}

/** The provider frees one request per second; waiting a little longer leaves capacity for other callers. */
const RATE_LIMIT_PAUSE_MS = 5000;

function kindOf({ status, code, message }: HetznerError): ProviderFaultKind {
  if (code === "resource_limit_exceeded") return "quota";
  if (code === "resource_unavailable" || code === "placement_error") return "capacity";
  if (code === "maintenance" || code === "service_error") return "unavailable";
  if (status === 401 || status === 403) return "unauthorized";
  if (status === 409) return "conflict";
  if (status === 412) return "capacity";
  // A size that a location does not sell, or no longer: the next location may.
  if (status === 422 && /unsupported location|location[^.]*\b(disabled|unavailable|not available)/i.test(message))
    return "capacity";
  if (status === 423) return "locked";
  if (status === 429) return "rate_limited";
  // Not the API's own 404: something else answers at this address.
  if (status === 404 && code !== "not_found") return "unavailable";
  if (status === 408 || status >= 500 || status < 400) return "unavailable";
  return "invalid";
}
