/** A call of the control plane's API, as every client makes it. */

export interface ApiCall {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
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

/** What a call sends: headers in lower case, and its body; null for none. */
export function encodeCall({ body, idempotencyKey }: ApiCall): {
  readonly headers: Record<string, string>;
  readonly body: string | null;
} {
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (idempotencyKey !== undefined) headers["idempotency-key"] = idempotencyKey;
  return { headers, body: body === undefined ? null : JSON.stringify(body) };
}
