/** `samovar credentials set`, `check` and `remove`. */
import type { CredentialCheck, CredentialKind } from "@samovar/contracts";
import { CREDENTIAL_KINDS, credentialKind } from "@samovar/contracts";
import { requireSamovar } from "../../client/connect.ts";
import { CliError } from "../../client/errors.ts";
import { toSafeText } from "../../output/safe-text.ts";
import { type CommandContext, printJson } from "../context.ts";
import { readCredential, type SecretOptions } from "./secret.ts";

/** Replaces an existing credential of the same kind. */
export async function setCredential(text: string, options: SecretOptions, context: CommandContext): Promise<number> {
  const kind = parseKind(text);
  const client = await requireSamovar(context);
  const secret = await readCredential(kind, options, () => client.agents(), context);
  const stored = await client.putCredential(secret);
  if (context.json) printJson(context.terminal, stored);
  else context.terminal.line(`Stored ${stored.kind}. Check it with: samovar credentials check ${kind}`);
  return 0;
}

/** Checks a credential with its service. Exit code 1 when the service refuses it. */
export async function checkCredential(text: string, context: CommandContext): Promise<number> {
  const { terminal, json } = context;
  const answer = await (await requireSamovar(context)).checkCredential(parseKind(text));
  if (json) printJson(terminal, answer);
  else terminal.line(`${formatMark(answer, context)} ${toSafeText(answer.message)}`);
  return answer.ok === false ? 1 : 0;
}

export async function removeCredential(text: string, context: CommandContext): Promise<number> {
  const kind = parseKind(text);
  await (await requireSamovar(context)).removeCredential(kind);
  if (context.json) printJson(context.terminal, { removed: kind });
  else context.terminal.line(`Removed ${kind}.`);
  return 0;
}

function formatMark({ ok }: CredentialCheck, { terminal: { style } }: CommandContext): string {
  if (ok === null) return style.dim("–");
  return ok ? style.green("✓") : style.red("✗");
}

function parseKind(text: string): CredentialKind {
  const parsed = credentialKind.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new CliError(
    `${text.slice(0, 60)} is not a kind of credential.`,
    `Kinds: ${CREDENTIAL_KINDS.join(", ")}, and agent:NAME for a custom agent.`,
  );
}
