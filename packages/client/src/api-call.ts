/** A call of the control plane's API, as every client makes it. */

export interface ApiCall {
  /** GET unless it is given. */
  readonly method?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** A UUID: the same request with the same key again is answered as the first time. */
  readonly idempotencyKey?: string;
}

/** What is used of a schema: a zod schema of `T` is one. */
export interface Parser<T> {
  safeParse(value: unknown):
    | { readonly success: true; readonly data: T }
    | {
        readonly success: false;
        readonly error: { readonly issues: readonly { readonly path: readonly PropertyKey[] }[] };
      };
}

/** What a call sends: its method, headers in lower case, and its body; null for none. */
export function encodeCall({ method = "GET", body, idempotencyKey }: ApiCall): {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: string | null;
} {
  const headers: Record<string, string> = { accept: "application/json" };
  if (idempotencyKey !== undefined) headers["idempotency-key"] = idempotencyKey;
  if (method === "GET") return { method, headers, body: null };
  // Every change sends JSON, if only an empty object: a form on another site cannot.
  headers["content-type"] = "application/json";
  return { method, headers, body: JSON.stringify(body ?? {}) };
}
