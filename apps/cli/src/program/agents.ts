/** Commands about agents, and the credentials that agents and nodes need. */
import type { Command } from "commander";
import { CliError } from "../client/errors.ts";
import type { BindCommand, SharedOptions } from "./bind-command.ts";
import { collectList } from "./parsers.ts";

const loadAgentChanges = () => import("../commands/agents/change.ts");
const loadCredentialChanges = () => import("../commands/credentials/change.ts");

export function registerAgents(root: Command, bind: BindCommand): void {
  const agents = root.command("agents").description("list agents; add your own");
  bind(
    agents.command("list", { isDefault: true }).description("list agents: which are ready, and their models and modes"),
    async (context) => (await import("../commands/agents/list.ts")).listAgents(context),
  );
  bind(
    agents
      .command("add")
      .description("add or replace a custom agent: any program that speaks ACP")
      .argument("<file>", "JSON file with its definition; - reads standard input"),
    async (context, [file = ""]) => (await loadAgentChanges()).addAgent(file, context),
  );
  bind(agents.command("remove").description("remove a custom agent").argument("<kind>"), async (context, [kind = ""]) =>
    (await loadAgentChanges()).removeAgent(kind, context),
  );
}

const SECRET_HINT = "Leave it out to be prompted, or use standard input or --from-env NAME.";

interface SetFlags extends SharedOptions {
  readonly fromEnv?: readonly string[];
  readonly baseUrl?: string;
}

export function registerCredentials(root: Command, bind: BindCommand): void {
  const credentials = root
    .command("credentials")
    .description("list, store, check and remove credentials of agents and providers");
  bind(
    credentials.command("list", { isDefault: true }).description("list stored credentials, without their secrets"),
    async (context) => (await import("../commands/credentials/list.ts")).listCredentials(context),
  );
  const set = credentials
    .command("set")
    .description("store a credential; prompts without echo, or reads standard input")
    .argument("<kind>", "hetzner, digitalocean, anthropic, openai, google, github, or agent:NAME")
    .allowExcessArguments()
    .option(
      "--from-env <name>",
      "read the secret from this environment variable; repeatable for agent:NAME",
      collectList,
    )
    .option("--base-url <url>", "address of the model's API, if not the default");
  bind<SetFlags>(set, async (context, [kind = "", ...others], { fromEnv = [], baseUrl }) => {
    if (others.length > 0)
      throw new CliError("Don't pass a secret as an argument: other users of this machine could read it.", SECRET_HINT);
    return (await loadCredentialChanges()).setCredential(kind, { fromEnv, baseUrl }, context);
  });
  bind(
    credentials.command("check").description("check a credential with its service").argument("<kind>"),
    async (context, [kind = ""]) => (await loadCredentialChanges()).checkCredential(kind, context),
  );
  bind(
    credentials.command("remove").description("delete a credential").argument("<kind>"),
    async (context, [kind = ""]) => (await loadCredentialChanges()).removeCredential(kind, context),
  );
}
