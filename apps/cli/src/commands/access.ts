/** `samovar tokens` and `samovar sign-ins`: who can act as you, and how to end that. */
import type { Millis } from "@samovar/base";
import { API_TOKEN_TTL_MS, createApiToken } from "@samovar/contracts";
import { requireSamovar } from "../client/connect.ts";
import { CliError } from "../client/errors.ts";
import { findApiToken, findSignInSession } from "../client/find.ts";
import { toSafeLine } from "../output/safe-text.ts";
import { formatTable } from "../output/table.ts";
import { formatAge, formatCount, formatDays, formatDuration } from "../output/units.ts";
import { type CommandContext, printJson } from "./context.ts";

const NAME_CHARS = 60;

export async function listTokens(context: CommandContext): Promise<number> {
  const { terminal, clock, json } = context;
  const tokens = await (await requireSamovar(context)).apiTokens();
  if (json) {
    printJson(terminal, tokens);
    return 0;
  }
  const rows = tokens.map(({ id, name, createdAt, lastUsedAt, expiresAt, current }) => [
    id,
    formatAge(clock.now() - createdAt),
    formatUse(lastUsedAt, clock.now()),
    expiresAt === null ? "when Samovar stops" : `in ${formatDays(expiresAt - clock.now())}`,
    `${toSafeLine(name, NAME_CHARS)}${current ? " (this command's)" : ""}`,
  ]);
  const head = ["token", "created", "used", "expires", "name"];
  terminal.line(formatTable(head, rows, "There are no API tokens.", terminal.style));
  return 0;
}

export interface TokenOptions {
  readonly name: string;
  /** Milliseconds from now; absent: Samovar's default. */
  readonly expiresIn?: number | undefined;
}

/** Prints the token on standard output, this once. */
export async function createToken({ name, expiresIn }: TokenOptions, context: CommandContext): Promise<number> {
  const { terminal, clock, json } = context;
  const wanted = createApiToken.safeParse({ name, ...(expiresIn === undefined ? {} : { ttlMs: expiresIn }) });
  if (!wanted.success) {
    const { min, max } = API_TOKEN_TTL_MS;
    throw new CliError(
      "An API token needs a name of at most 100 characters and a time until it expires.",
      `Give --expires-in a time from ${formatDuration(min)} to ${formatDays(max)}, such as 30d.`,
    );
  }
  const made = await (await requireSamovar(context)).createApiToken(wanted.data);
  if (json) printJson(terminal, made);
  else {
    terminal.line(made.token);
    const left = made.expiresAt === null ? "" : ` It expires in ${formatDays(made.expiresAt - clock.now())}.`;
    terminal.note(
      `Store this token now: it is not shown again.${left} Revoke it with: samovar tokens revoke ${made.id}`,
    );
  }
  return 0;
}

export async function revokeToken(text: string, context: CommandContext): Promise<number> {
  const client = await requireSamovar(context);
  const { id, name, current } = await findApiToken(client, text);
  if (current)
    throw new CliError(
      "This is the token that this command uses.",
      context.remote === null
        ? "It is revoked when Samovar stops: end `samovar up`."
        : "Sign this command line out with: samovar context remove NAME",
    );
  await client.revokeApiToken(id);
  if (context.json) printJson(context.terminal, { revoked: id });
  else context.terminal.line(`Revoked ${toSafeLine(name, NAME_CHARS)} (${id}).`);
  return 0;
}

export async function listSignIns(context: CommandContext): Promise<number> {
  const { terminal, clock, json } = context;
  const sessions = await (await requireSamovar(context)).signInSessions();
  if (json) {
    printJson(terminal, sessions);
    return 0;
  }
  const rows = sessions.map(({ id, userAgent, createdAt, lastUsedAt, expiresAt }) => [
    id,
    formatAge(clock.now() - createdAt),
    formatUse(lastUsedAt, clock.now()),
    `in ${formatDays(expiresAt - clock.now())}`,
    toSafeLine(userAgent, NAME_CHARS) || "unknown",
  ]);
  const head = ["sign-in", "created", "used", "expires", "browser"];
  terminal.line(formatTable(head, rows, "No browser is signed in.", terminal.style));
  return 0;
}

export async function endSignIn(text: string, context: CommandContext): Promise<number> {
  const client = await requireSamovar(context);
  const { id, userAgent } = await findSignInSession(client, text);
  await client.endSignInSession(id);
  if (context.json) printJson(context.terminal, { signedOut: [id] });
  else context.terminal.line(`Signed out ${toSafeLine(userAgent, NAME_CHARS) || "the browser"} (${id}).`);
  return 0;
}

export async function endAllSignIns(context: CommandContext): Promise<number> {
  const { signedOut } = await (await requireSamovar(context)).signOutOthers();
  if (context.json) printJson(context.terminal, { signedOut });
  else context.terminal.line(`Signed out ${formatCount(signedOut, "browser")}.`);
  return 0;
}

const formatUse = (at: Millis | null, now: Millis): string => (at === null ? "never" : formatAge(now - at));
