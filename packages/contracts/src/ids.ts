/** Id schemas: parse a string into its branded type. They are string schemas, so that the API's description has their patterns. */
import type { IdPrefix, IdTypes, MessageId } from "@samovar/base";
import { idPattern } from "@samovar/base";
import * as z from "zod";

// The brand exists only in the type; the pattern justifies the cast.
const branded = <T extends string>(pattern: RegExp, error: string) =>
  z.string({ error }).regex(pattern, { error }) as z.ZodType<string, string> as z.ZodType<T, T>;

const id = <P extends IdPrefix>(prefix: P) => branded<IdTypes[P]>(idPattern(prefix), `expected an id like ${prefix}_…`);

export const userId = id("usr");
export const projectId = id("prj");
export const taskId = id("tsk");
export const runId = id("run");
export const sessionId = id("ses");
export const workspaceId = id("wsp");
export const nodeId = id("nod");
export const credentialId = id("crd");
export const apiTokenId = id("tok");
export const signInSessionId = id("sgn");
export const auditEntryId = id("aud");

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const messageId = branded<MessageId>(UUID, "expected a lower-case UUID");

/** Unix milliseconds. */
export const millis = z.number().int().nonnegative();
