/** Id schemas: parse a string into its branded type. */
import type { IdPrefix, IdTypes, MessageId } from "@samovar/base";
import { idPattern } from "@samovar/base";
import * as z from "zod";

const id = <P extends IdPrefix>(prefix: P) =>
  z.custom<IdTypes[P]>((value) => typeof value === "string" && idPattern(prefix).test(value), {
    error: `expected an id like ${prefix}_…`,
  });

export const userId = id("usr");
export const projectId = id("prj");
export const taskId = id("tsk");
export const runId = id("run");
export const sessionId = id("ses");
export const workspaceId = id("wsp");
export const nodeId = id("nod");
export const credentialId = id("crd");
export const apiTokenId = id("tok");

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const messageId = z.custom<MessageId>((value) => typeof value === "string" && UUID.test(value), {
  error: "expected a lower-case UUID",
});

/** Unix milliseconds. */
export const millis = z.number().int().nonnegative();
