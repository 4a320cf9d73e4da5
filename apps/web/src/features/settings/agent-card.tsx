/** One agent: whether it can be used, what is missing, what it capabilities. Custom agents can be edited and removed. */
import type { AgentView } from "@samovar/contracts";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleCheck, CircleDashed } from "lucide-react";
import { useState } from "react";
import { agentQuery } from "../../api/settings.ts";
import { Button } from "../../ui/button.tsx";
import { ErrorPanel } from "../errors/error-panel.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { visibleText } from "../../lib/visible-text.ts";
import { AgentForm } from "./agent-form.tsx";
import { RemoveAgent } from "./remove-agent.tsx";

export function AgentCard({ agent }: { readonly agent: AgentView }) {
  const [editing, setEditing] = useState(false);
  if (editing) return <EditAgent agent={agent} onDone={() => setEditing(false)} />;
  const name = visibleText(agent.name);
  return (
    <article
      aria-label={name}
      className="flex flex-col gap-1.5 rounded-xl border border-hairline bg-raised p-4 text-ui"
    >
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <h2 className="min-w-0 text-title font-semibold wrap-anywhere">{name}</h2>
        <code className="font-mono text-code text-ink-3">{agent.kind}</code>
        <Usable usable={agent.usable} />
        {!agent.builtIn && (
          <span className="ms-auto flex flex-wrap items-center justify-end gap-2">
            <Button aria-label={`Edit ${name}`} onClick={() => setEditing(true)}>
              Edit
            </Button>
            <RemoveAgent agent={agent} />
          </span>
        )}
      </div>
      {agent.description !== "" && <p className="text-ink-2">{visibleText(agent.description)}</p>}
      <p className="font-mono text-code wrap-anywhere text-ink-3">{formatProgram(agent)}</p>
      {agent.hint !== null && (
        <p className="text-working">
          {visibleText(agent.hint)}{" "}
          {agent.credential !== null && (
            <Link to="/settings/credentials" hash={agent.credential} className="text-accent underline">
              Credentials
            </Link>
          )}
        </p>
      )}
      <Offers agent={agent} />
    </article>
  );
}

function EditAgent({ agent, onDone }: { readonly agent: AgentView; readonly onDone: () => void }) {
  const read = useQuery(agentQuery(agent.kind));
  // What was read some time ago may not be what is stored now.
  if (read.data !== undefined && !read.isFetching)
    return <AgentForm definition={read.data.definition} onDone={onDone} />;
  if (read.isError)
    return <ErrorPanel what="Couldn't load the agent." error={read.error} onRetry={() => void read.refetch()} />;
  return <Skeleton label="Loading the agent" lines={[40, 100, 100]} className="p-4" />;
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

const NAMES_SHOWN = 8;

function Offers({ agent: { capabilities } }: { readonly agent: AgentView }) {
  if (capabilities === null || capabilities.models.length + capabilities.modes.length === 0) return null;
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-0.5 text-small text-ink-2">
      <Choices name="Models" choices={capabilities.models} />
      <Choices name="Modes" choices={capabilities.modes} />
    </dl>
  );
}

function Choices({ name, choices }: { readonly name: string; readonly choices: readonly { readonly name: string }[] }) {
  if (choices.length === 0) return null;
  const names = choices.slice(0, NAMES_SHOWN).map((choice) => visibleText(choice.name));
  const more = choices.length - names.length;
  return (
    <>
      <dt className="text-ink-3">{name}</dt>
      <dd className="wrap-anywhere">
        {names.join(", ")}
        {more > 0 && ` and ${more} more`}
      </dd>
    </>
  );
}

function formatProgram({ program }: AgentView): string {
  switch (program.from) {
    case "vm_agent":
      return "built into Samovar";
    case "npm":
      return `${program.package.name} ${program.package.version}`;
    case "path":
      return [program.command, ...program.args].map(visibleText).join(" ");
  }
}
