/** What an answer of the control plane says. Pure: each client turns it into its own errors. */
import { parseJson } from "@samovar/base";
import { type ErrorBody, errorBody } from "@samovar/contracts";
import type { Parser } from "./api-call.ts";

export type Answer<T> =
  | { readonly kind: "value"; readonly value: T }
  | { readonly kind: "refused"; readonly error: ErrorBody["error"] }
  /** A status that is no success, without the control plane's words: something before it may have answered. */
  | { readonly kind: "failed"; readonly status: number }
  /** A success of another shape. `at`: the first field that is not as expected, such as `items.0.id`; empty for the whole. */
  | { readonly kind: "unreadable"; readonly at: string };

/** `schema` gets null for an empty body, and undefined for one that is not JSON. */
export function readAnswer<T>(status: number, text: string, schema: Parser<T>): Answer<T> {
  const json = text === "" ? null : parseJson(text);
  if (status < 200 || status >= 300) return readRefusal(status, json);
  const parsed = schema.safeParse(json);
  if (parsed.success) return { kind: "value", value: parsed.data };
  return { kind: "unreadable", at: parsed.error.issues[0]?.path.join(".") ?? "" };
}

function readRefusal(status: number, json: unknown): Answer<never> {
  const parsed = errorBody.safeParse(json);
  return parsed.success ? { kind: "refused", error: parsed.data.error } : { kind: "failed", status };
}
