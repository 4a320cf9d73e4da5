/** The agents: which can be used, what the others are missing, and the form for a custom one. */
import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { AgentCard } from "../../features/settings/agent-card.tsx";
import { AgentForm } from "../../features/settings/agent-form.tsx";
import { agentsQuery } from "../../api/agents.ts";
import { Button } from "../../ui/button.tsx";
import { ErrorPanel } from "../../features/errors/error-panel.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { useTitle } from "../../ui/use-title.ts";

export function AgentSettings() {
  useTitle("Agents");
  const agents = useQuery(agentsQuery);
  const [adding, setAdding] = useState(false);
  return (
    <>
      <div className="flex min-h-8 items-center justify-between gap-3">
        <h1 className="text-page font-semibold">Agents</h1>
        {!adding && (
          <Button onClick={() => setAdding(true)}>
            <Plus size={16} aria-hidden="true" />
            Add agent
          </Button>
        )}
      </div>
      <p className="text-ui text-ink-2">
        An agent is any program that speaks the Agent Client Protocol. Agents from npm are installed on a node when a
        task first needs them.
      </p>
      {adding && <AgentForm definition={null} onDone={() => setAdding(false)} />}
      {agents.isPending && <Skeleton label="Loading agents" lines={[100, 100, 100]} />}
      {agents.isError && agents.data === undefined && (
        <ErrorPanel what="Couldn't load agents." error={agents.error} onRetry={() => void agents.refetch()} />
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
