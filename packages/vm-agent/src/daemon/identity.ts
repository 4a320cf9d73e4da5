/**
 * The node's identity in one private file: first a claim, stored before it is sent; then a token and an epoch; at last
 * `gone`. Keeps S1: the bootstrap token is removed from `agent.json` once it has been used.
 */
import type { VmAgentSettings } from "../settings.ts";
import { agentSettings, millis } from "@samovar/contracts";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { readPrivateFile, writePrivateFile } from "./private-file.ts";

const identity = z.discriminatedUnion("phase", [
  z.object({ phase: z.literal("claiming"), claim: z.string() }),
  z.object({
    phase: z.literal("enrolled"),
    nodeToken: z.string(),
    expiresAt: millis,
    epoch: z.number().int().nonnegative(),
  }),
  /** The control plane has reported that this node no longer exists. */
  z.object({ phase: z.literal("gone") }),
]);
export type Identity = z.infer<typeof identity>;
export type EnrolledIdentity = Extract<Identity, { phase: "enrolled" }>;

const getIdentityPath = (stateDir: string): string => join(stateDir, "identity.json");

export function readIdentity(stateDir: string): Identity | null {
  const text = readPrivateFile(getIdentityPath(stateDir));
  return text === null ? null : identity.parse(JSON.parse(text));
}

export function writeIdentity(stateDir: string, value: Identity): void {
  writePrivateFile(getIdentityPath(stateDir), `${JSON.stringify(value)}\n`);
}

/** Rewrites `agent.json` without its single-use token. Repeatable. */
export function forgetBootstrapToken(settings: VmAgentSettings): void {
  const file = agentSettings.partial({ bootstrapToken: true }).parse(JSON.parse(readFileSync(settings.file, "utf8")));
  if (file.bootstrapToken === undefined) return;
  const { bootstrapToken: _, ...rest } = file;
  writePrivateFile(settings.file, `${JSON.stringify(rest, null, 2)}\n`);
}
