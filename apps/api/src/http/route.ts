/** Parts of route definitions that recur: a JSON body, a JSON answer. */
import type * as z from "zod";

export const json = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { "application/json": { schema } },
});

/** `required`: without it a request of another content type would pass unparsed. */
export const jsonBody = <T extends z.ZodType>(schema: T) => ({
  required: true,
  content: { "application/json": { schema } },
});
