/** Hetzner's errors, by status and code, as {@link ProviderFault}s. */
import * as z from "zod";
import { createFaultMaker } from "../faults.ts";
import type { ProviderFault, ProviderFaultKind } from "../provider.ts";
import type { Dialect, Refusal } from "../transport.ts";

export const makeFault = createFaultMaker("Hetzner", {
  unauthorized: "Store a token of the Hetzner project that may read and write.",
  quota: "Delete servers that are not needed, or ask Hetzner to raise the project's limit.",
  invalid:
    "Trying again does not help: correct what the message names. The image, location and ssh key are the settings HETZNER_IMAGE, HETZNER_LOCATION and HETZNER_SSH_KEY.",
});

const errorReply = z.object({
  error: z.object({ code: z.string().max(100), message: z.string().transform((text) => text.slice(0, 1000)) }),
});

/** The provider frees one request per second; waiting a little longer leaves capacity for other callers. */
const RATE_LIMIT_PAUSE_MS = 5000;

export const DIALECT: Dialect = {
  makeFault,
  toFault({ status, body, retryAfterMs }: Refusal): ProviderFault {
    const known = errorReply.safeParse(body);
    const { code, message } = known.success
      ? known.data.error
      : { code: `http_${status}`, message: `status ${status} without a reason` };
    const kind = toKind(status, code, message);
    return makeFault(kind, code, message, {
      retryAfterMs: retryAfterMs ?? (kind === "rate_limited" ? RATE_LIMIT_PAUSE_MS : null),
    });
  },
  paging: { sort: "id:asc", per_page: "50" },
};

function toKind(status: number, code: string, message: string): ProviderFaultKind {
  if (code === "resource_limit_exceeded") return "quota";
  if (code === "resource_unavailable" || code === "placement_error") return "capacity";
  if (code === "maintenance" || code === "service_error") return "unavailable";
  if (code === "resource_in_use") return "locked";
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
