/** Commands about who can act as you: API tokens, signed-in browsers, and the audit log. */
import type { Command } from "commander";
import { CliError } from "../client/errors.ts";
import type { BindCommand, SharedOptions } from "./bind-command.ts";
import { parsePageSize, parseTime } from "./parsers.ts";

const loadAccess = () => import("../commands/access.ts");
const DEFAULT_ENTRIES = 50;

export function registerAccess(root: Command, bind: BindCommand): void {
  const tokens = root.command("tokens").description("list, create and revoke API tokens");
  bind(
    tokens.command("list", { isDefault: true }).description("list valid API tokens, without their secrets"),
    async (context) => (await loadAccess()).listTokens(context),
  );
  const create = tokens
    .command("create")
    .description("create an API token and print it, this once")
    .requiredOption("--name <name>", "what it is for")
    .option("--expires-in <time>", "how long it is valid, such as 12h or 30d (default: 90d)", parseTime);
  bind<SharedOptions & { name: string; expiresIn?: number }>(create, async (context, _args, { name, expiresIn }) =>
    (await loadAccess()).createToken({ name, expiresIn }, context),
  );
  bind(
    tokens.command("revoke").description("revoke an API token; its connections close").argument("<id>"),
    async (context, [id = ""]) => (await loadAccess()).revokeToken(id, context),
  );

  const signIns = root.command("sign-ins").description("list browsers that are signed in; sign them out");
  bind(signIns.command("list", { isDefault: true }).description("list browsers that are signed in"), async (context) =>
    (await loadAccess()).listSignIns(context),
  );
  const end = signIns
    .command("end")
    .description("sign a browser out; its connections close")
    .argument("[id]")
    .option("--all", "sign out every browser");
  bind<SharedOptions & { all?: boolean }>(end, async (context, [id], { all = false }) => {
    if (all === (id !== undefined))
      throw new CliError("Name one browser, or give --all.", "List them with: samovar sign-ins");
    const { endAllSignIns, endSignIn } = await loadAccess();
    return id === undefined ? endAllSignIns(context) : endSignIn(id, context);
  });

  const log = root
    .command("audit-log")
    .description("show security-relevant and destructive actions, newest first")
    .option("--limit <count>", "how many (default: 50)", parsePageSize);
  bind<SharedOptions & { limit?: number }>(log, async (context, _args, { limit = DEFAULT_ENTRIES }) =>
    (await import("../commands/audit-log.ts")).showAuditLog(limit, context),
  );
}
