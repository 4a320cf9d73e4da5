/** Environment variables that a person may give to an agent. */
import * as z from "zod";

const UNUSABLE = "not a usable name for an environment variable";

/** Names that a shell can set, except Samovar's own. */
export const environmentName = z
  .string()
  .max(100)
  .regex(/^(?!SAMOVAR_)[A-Za-z_][A-Za-z0-9_]*$/, UNUSABLE);

/** Secret variables that one agent may have. */
export const MAX_SECRET_VARIABLES = 20;

/** Variables by name, `max` at most. */
export const variables = <T extends z.ZodType<string, string>>(value: T, max: number) =>
  z
    .record(environmentName, value, { error: ({ code }) => (code === "invalid_key" ? UNUSABLE : undefined) })
    .refine((given) => Object.keys(given).length <= max, `at most ${max} variables`);
