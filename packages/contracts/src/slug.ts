/** A short machine-readable name: lower-case letters, digits, hyphens. */
import * as z from "zod";

export const slug = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,39}$/, "use at most 40 lower-case letters, digits and hyphens, beginning with a letter");
