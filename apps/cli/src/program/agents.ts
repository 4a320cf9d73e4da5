/** Commands about agents and the credentials that they and the machines need. */
import type { Command } from "commander";
import { CliError } from "../client/errors.ts";
import type { Does, Shared } from "./does.ts";
import { listOf } from "./parsers.ts";

const agentChanges = () => import("../commands/agents/change.ts");
const credentialChanges = () => import("../commands/credentials/change.ts");

export function registerAgents(root: Command, does: Does): void {
  const agents = root.command("agents").description("list agents; add those of your own");
  does(
    agents
      .command("list", { isDefault: true })
      .description("list them: who can be used now, with which models and modes"),
    async (context) => (await import("../commands/agents/list.ts")).listAgents(context),
  );
  does(
    agents
      .command("add")
      .description("add an agent of your own, or change it: any program that speaks ACP")
      .argument("<file>", "JSON of its definition; - reads it from standard input"),
    async (context, [file = ""]) => (await agentChanges()).addAgent(file, context),
  );
  does(
    agents.command("remove").description("remove an agent of your own").argument("<kind>"),
    async (context, [kind = ""]) => (await agentChanges()).removeAgent(kind, context),
  );
}

const SECRET_HINT = "Leave it out to be asked for it, or give it on standard input or by --from-env NAME.";

interface SetFlags extends Shared {
  readonly fromEnv?: readonly string[];
  readonly baseUrl?: string;
}

export function registerCredentials(root: Command, does: Does): void {
  const credentials = root.command("credentials").description("list, store and remove secrets of agents and machines");
  does(
    credentials.command("list", { isDefault: true }).description("list what is stored, without the secrets"),
    async (context) => (await import("../commands/credentials/list.ts")).listCredentials(context),
  );
  const set = credentials
    .command("set")
    .description("store a secret; asked for without showing it, or read from standard input")
    .argument("<kind>", "hetzner, anthropic, openai, google, github, or agent:NAME")
    .allowExcessArguments()
    .option("--from-env <name>", "take it from this variable; may be given again for agent:NAME", listOf)
    .option("--base-url <url>", "where the model's API is, when it is elsewhere");
  does<SetFlags>(set, async (context, [kind = "", ...others], { fromEnv = [], baseUrl }) => {
    if (others.length > 0)
      throw new CliError("A secret is never an argument: others could read it there.", SECRET_HINT);
    return (await credentialChanges()).setCredential(kind, { fromEnv, baseUrl }, context);
  });
  does(
    credentials.command("check").description("ask the credential's service whether it is good").argument("<kind>"),
    async (context, [kind = ""]) => (await credentialChanges()).checkCredential(kind, context),
  );
  does(
    credentials.command("remove").description("delete a credential").argument("<kind>"),
    async (context, [kind = ""]) => (await credentialChanges()).removeCredential(kind, context),
  );
}
