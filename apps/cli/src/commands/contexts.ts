/** `samovar context`: which Samovar the other commands use. */
import { errorMessage } from "@samovar/base";
import { createClient } from "../client/connect.ts";
import * as contexts from "../contexts.ts";
import { formatTable } from "../output/table.ts";
import { formatDays } from "../output/units.ts";
import { type CommandContext, printJson } from "./context.ts";

/** Marks the one that this command would use, even if the environment or an option chose it. */
export async function listContexts({ terminal, env, json, clock, dataDir, remote }: CommandContext): Promise<number> {
  const all = await contexts.readContexts(env);
  const used = remote === null ? contexts.LOCAL : remote.name;
  const shown = [
    { name: contexts.LOCAL, address: dataDir, expiresAt: null },
    ...all.contexts.map(({ name, url, expiresAt }) => ({ name, address: url, expiresAt })),
    ...(remote !== null && remote.name === null ? [{ name: null, address: remote.url, expiresAt: null }] : []),
  ].map((each) => ({ ...each, isCurrent: each.name === used }));
  if (json) {
    printJson(terminal, shown);
    return 0;
  }
  const rows = shown.map(({ isCurrent, name, address, expiresAt }) => [
    isCurrent ? "*" : " ",
    name ?? "(SAMOVAR_URL)",
    formatExpiry(expiresAt, clock.now()),
    address,
  ]);
  terminal.line(formatTable(["", "context", "token expires", "address"], rows, "", terminal.style));
  return 0;
}

function formatExpiry(expiresAt: number | null, now: number): string {
  if (expiresAt === null) return "-";
  return expiresAt <= now ? "expired" : `in ${formatDays(expiresAt - now)}`;
}

export async function useContext(name: string, { terminal, env, json }: CommandContext): Promise<number> {
  await contexts.writeContexts(env, contexts.useContext(await contexts.readContexts(env), name));
  if (json) printJson(terminal, { current: name });
  else terminal.line(`Commands now use ${name === contexts.LOCAL ? "the Samovar on this machine" : name}.`);
  return 0;
}

/** Removes the context even if its token cannot be revoked, and says so. */
export async function removeContext(name: string, context: CommandContext): Promise<number> {
  const { terminal, env, json } = context;
  const all = await contexts.readContexts(env);
  const gone = contexts.findContext(all, name);
  const fault = await tryRevoke(gone, context);
  await contexts.writeContexts(env, contexts.removeContext(all, name));
  if (json) printJson(terminal, { removed: name, revoked: fault === null });
  else terminal.line(`Removed ${name}${fault === null ? " and revoked its token" : ""}.`);
  if (fault !== null)
    terminal.note(`Its token could not be revoked: ${fault} Revoke it on the page of ${gone.url} (Settings, Access).`);
  return 0;
}

/** Null, or why it failed. A token that is no longer accepted counts as revoked. */
async function tryRevoke({ url, token, tokenId }: contexts.RemoteContext, context: CommandContext) {
  try {
    await createClient({ url, token }, context).revokeApiToken(tokenId);
    return null;
  } catch (error) {
    const isSpent = error instanceof Error && "code" in error && error.code === "unauthenticated";
    return isSpent ? null : errorMessage(error);
  }
}
