/**
 * `samovar login`: prints a one-time link that signs a browser in. With an address, it signs this command line in to the
 * Samovar there: it shows a code, and a person who is signed in there compares the code and approves it on the page.
 */
import { hostname, userInfo } from "node:os";
import type { CreatedDeviceLogin, DeviceLoginOutcome } from "@samovar/contracts";
import { createClient, requireSamovar } from "../client/connect.ts";
import { CliError } from "../client/errors.ts";
import type { SamovarClient } from "../client/samovar-client.ts";
import { addContext, contextName, getContextsFile, readAddress, readContexts, writeContexts } from "../contexts.ts";
import { openBrowser } from "../open-browser.ts";
import { formatDays } from "../output/units.ts";
import { type CommandContext, printJson } from "./context.ts";

export async function printSignInLink(context: CommandContext): Promise<number> {
  const link = await (await requireSamovar(context)).createLink();
  if (context.json) printJson(context.terminal, link);
  else context.terminal.line(link.url);
  return 0;
}

export interface LogInOptions {
  /** As the person gave it. */
  readonly url: string;
  /** The context's; the host when absent. */
  readonly name: string | undefined;
  readonly open: boolean;
}

export async function logIn(options: LogInOptions, context: CommandContext): Promise<number> {
  const { terminal, env, json, clock } = context;
  const url = readAddress(options.url);
  const name = readName(options.name ?? new URL(url).hostname);
  // Before the person is asked: with an unreadable file the token would be lost afterwards.
  await readContexts(env);
  const client = createClient({ url, token: "" }, context);
  const asked = await client.createDeviceLogin(describeThisMachine());
  const { userCode, verificationUrl } = asked;
  if (json) printJson(terminal, { event: "approve", userCode, verificationUrl, expiresAt: asked.expiresAt });
  else
    terminal.note(
      `To sign in, open   ${verificationUrl}\nand compare code   ${userCode}\n\nWaiting for your answer; Ctrl-C ends this.`,
    );
  if (options.open && !json) openBrowser(verificationUrl);
  const { token, tokenId, expiresAt } = await waitForAnswer(client, asked, context);
  const me = await createClient({ url, token }, context).me();
  await writeContexts(env, addContext(await readContexts(env), { name, url, token, tokenId, expiresAt }));
  if (json) {
    printJson(terminal, { event: "signed_in", name, url, as: me.name, expiresAt });
    return 0;
  }
  const until = expiresAt === null ? "" : ` for ${formatDays(expiresAt - clock.now())}`;
  terminal.line(`Signed in to ${url} as ${me.name}${until}. Commands now use it (context ${name}).`);
  terminal.note(
    `Its token is in ${getContextsFile(env)}. To use this machine's Samovar again: samovar context use local`,
  );
  return 0;
}

function readName(text: string): string {
  const parsed = contextName.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new CliError(parsed.error.issues[0]?.message ?? "", "Choose a name with: --name NAME");
}

/** The name that the person sees on the page. */
function describeThisMachine(): string {
  return `${readUserName()}@${hostname()}`.slice(0, 100);
}

/** A user without an entry in the system's list of users has no name. */
function readUserName(): string {
  try {
    return userInfo().username;
  } catch {
    return "user";
  }
}

type Approved = Extract<DeviceLoginOutcome, { status: "approved" }>;

/** Also waits while Samovar does not answer: the code stays valid. */
async function waitForAnswer(
  client: SamovarClient,
  { deviceCode, expiresAt, intervalMs }: CreatedDeviceLogin,
  { clock, timers }: CommandContext,
): Promise<Approved> {
  for (;;) {
    await new Promise<void>((resolve) => timers.after(intervalMs, resolve));
    const outcome = await client.redeemDeviceLogin(deviceCode).catch((error: unknown) => {
      if (isPassing(error) && clock.now() < expiresAt) return { status: "pending" } as const;
      throw error;
    });
    switch (outcome.status) {
      case "approved":
        return outcome;
      case "denied":
        throw new CliError("The sign-in was denied on the page.");
      case "expired":
        throw new CliError("The code was not approved in time.", "Sign in again with: samovar login URL");
      case "pending":
        break;
    }
  }
}

/** Whether it makes sense to try again. */
const isPassing = (error: unknown): boolean =>
  error instanceof CliError && (error.code === null || error.code === "unavailable" || error.code === "rate_limited");
