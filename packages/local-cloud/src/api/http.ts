/** Readers of requests for the API's routes. */
import type { Context } from "hono";
import { ApiError } from "./errors.ts";

export const queryOf = (c: Context): URLSearchParams => new URL(c.req.url).searchParams;

/** Throws `not_found` for what is no id. */
export function idOf(c: Context, what: string): number {
  const text = c.req.param("id") ?? "";
  if (!/^[1-9]\d{0,15}$/.test(text)) throw new ApiError("not_found", `${what} '${text.slice(0, 100)}' not found`);
  return Number(text);
}

/** Throws `json_error`. */
export async function jsonBody(c: Context): Promise<unknown> {
  try {
    return await c.req.json<unknown>();
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError("json_error", "the body is not JSON");
  }
}
