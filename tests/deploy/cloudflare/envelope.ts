/** The form of every answer of Cloudflare's API. */
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";

export function success(c: Context, result: unknown): Response {
  return c.json({
    success: true,
    errors: [],
    messages: [],
    result,
    result_info: { page: 1, per_page: 100, count: 1, total_count: 1, total_pages: 1 },
  });
}

export function failure(c: Context, status: ContentfulStatusCode, code: number, message: string): Response {
  return c.json({ success: false, errors: [{ code, message }], messages: [], result: null }, status);
}
