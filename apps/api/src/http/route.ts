/** Parts of route definitions that recur: a JSON body, a JSON answer, the Idempotency-Key. */
import * as z from "zod";

export const json = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { "application/json": { schema } },
});

/** `required`: without it a request of another content type would pass unparsed. */
export const jsonBody = <T extends z.ZodType>(schema: T) => ({
  required: true,
  content: { "application/json": { schema } },
});

/** A caller who lost the answer sends the same request with the same key again, and is given what was made. */
export const idempotencyHeader = z.object({ "idempotency-key": z.string().min(8).max(200).optional() });
