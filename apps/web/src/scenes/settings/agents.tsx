/** The agents: which can be used now, what the others lack, and the way to add one's own. */
import type { AgentView } from "@samovar/contracts";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleCheck, CircleDashed, Plus } from "lucide-react";
import { useState } from "react";
import { AgentForm } from "../../components/settings/agent-form.tsx";
import { RemoveAgent } from "../../components/settings/remove-agent.tsx";
import { visibleText } from "../../components/transcript/visible-text.ts";
import { agentsQuery } from "../../data/settings.ts";
import { Button } from "../../ui/button.tsx";
import { ErrorPanel } from "../../ui/error-panel.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { useTitle } from "../../ui/use-title.ts";

export function AgentSettings() {
  useTitle("Agents");
  const agents = useQuery(agentsQuery);
  const [adding, setAdding] = useState(false);
  return (
    <>
      <div className="flex items-center justify-between gap-3">
        <h1 className="text-page font-semibold">Agents</h1>
        {!adding && (
          <Button onClick={() => setAdding(true)}>
            <Plus size={16} aria-hidden="true" />
            Add an agent
          </Button>
        )}
      </div>
      <p className="text-ui text-ink-2">
        An agent is any program that speaks the Agent Client Protocol. Those from npm install themselves on a machine
        when a task first needs them.
      </p>
      {adding && <AgentForm onDone={() => setAdding(false)} />}
      {agents.isPending && <Skeleton label="Reading agents" lines={[100, 100, 100]} />}
      {agents.isError && agents.data === undefined && (
        <ErrorPanel what="Agents could not be read." error={agents.error} onRetry={() => void agents.refetch()} />
      )}
      <ul className="flex flex-col gap-3">
        {agents.data?.map((agent) => (
          <li key={agent.kind}>
            <AgentCard agent={agent} />
          </li>
        ))}
      </ul>
    </>
  );
}

function AgentCard({ agent }: { readonly agent: AgentView }) {
  return (
    <article
      aria-label={agent.name}
      className="flex flex-col gap-1.5 rounded-xl border border-hairline bg-raised p-4 text-ui"
    >
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <h2 className="text-title font-semibold">{visibleText(agent.name)}</h2>
        <code className="font-mono text-code text-ink-3">{agent.kind}</code>
        <Usable usable={agent.usable} />
        {!agent.builtIn && <RemoveAgent agent={agent} />}
      </div>
      {agent.description !== "" && <p className="text-ink-2">{visibleText(agent.description)}</p>}
      <p className="font-mono text-code wrap-anywhere text-ink-3">{programWords(agent)}</p>
      {agent.hint !== null && (
        <p className="text-working">
          {visibleText(agent.hint)}{" "}
          {agent.credential !== null && (
            <Link to="/settings/credentials" className="text-accent underline">
              Credentials
            </Link>
          )}
        </p>
      )}
      <Offers agent={agent} />
    </article>
  );
}

function Usable({ usable }: { readonly usable: boolean }) {
  return usable ? (
    <span className="inline-flex items-center gap-1.5 text-small text-done">
      <CircleCheck size={15} aria-hidden="true" />
      Ready
    </span>
  ) : (
    <span className="inline-flex items-center gap-1.5 text-small text-working">
      <CircleDashed size={15} aria-hidden="true" />
      Not set up
    </span>
  );
}

function Offers({ agent: { offers } }: { readonly agent: AgentView }) {
  if (offers === null || offers.models.length + offers.modes.length === 0) return null;
  const names = (choices: readonly { readonly name: string }[]) =>
    choices.map(({ name }) => visibleText(name)).join(", ");
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-0.5 text-small text-ink-2">
      {offers.models.length > 0 && (
        <>
          <dt className="text-ink-3">Models</dt>
          <dd>{names(offers.models)}</dd>
        </>
      )}
      {offers.modes.length > 0 && (
        <>
          <dt className="text-ink-3">Modes</dt>
          <dd>{names(offers.modes)}</dd>
        </>
      )}
    </dl>
  );
}

function programWords({ program }: AgentView): string {
  switch (program.from) {
    case "vm_agent":
      return "part of Samovar";
    case "npm":
      return `${program.package.name} ${program.package.version}`;
    case "path":
      return [program.command, ...program.args].map(visibleText).join(" ");
  }
}
