/** Refusals of providers as {@link ProviderFault}s: the service's reason, and what a person can do about it. */
import type { ProviderFault, ProviderFaultKind } from "./provider.ts";

export type MakeFault = (
  kind: ProviderFaultKind,
  code: string,
  reason: string,
  more?: { readonly retryAfterMs?: number | null; readonly retriable?: boolean },
) => ProviderFault;

const RETRIABLE: Record<ProviderFaultKind, boolean> = {
  unauthorized: false,
  invalid: false,
  // Each ends when a server is deleted, or with time.
  quota: true,
  capacity: true,
  conflict: true,
  locked: true,
  rate_limited: true,
  unavailable: true,
};

/** `service` is its name for people; `advice` says what to do about what only its account or settings can change. */
export function createFaultMaker(
  service: string,
  advice: Readonly<Record<"unauthorized" | "quota" | "invalid", string>>,
): MakeFault {
  const all: Record<ProviderFaultKind, string> = {
    ...advice,
    capacity: `${service} has no such server available at the moment. Samovar tries again.`,
    conflict: "Samovar tries again.",
    locked: "The server is busy or protected. Samovar tries again.",
    rate_limited: "Too many requests. Samovar tries again later.",
    unavailable: `${service} could not be reached or did not finish. Samovar tries again.`,
  };
  return (kind, code, reason, more = {}) => {
    const retriable = more.retriable ?? RETRIABLE[kind];
    const action = retriable || !RETRIABLE[kind] ? ` ${all[kind]}` : "";
    return {
      kind,
      code,
      message: `${service}: ${reason} (${code}).${action}`,
      retriable,
      retryAfterMs: more.retryAfterMs ?? null,
    };
  };
}
