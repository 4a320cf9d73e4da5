/** What an agent is, or why it cannot run and where to set it up. */
import type { AgentView } from "@samovar/contracts";
import { Link } from "@tanstack/react-router";
import { TriangleAlert } from "lucide-react";
import { visibleText } from "../../lib/visible-text.ts";

export function AgentNote({ agent }: { readonly agent: AgentView }) {
  if (agent.usable) return <p className="text-small text-ink-3 tablet:col-span-2">{visibleText(agent.description)}</p>;
  return (
    <p className="flex gap-1.5 text-small text-working tablet:col-span-2">
      <TriangleAlert size={15} className="mt-0.5 shrink-0" aria-hidden="true" />
      <span>
        {visibleText(agent.name)} can't run yet. {visibleText(agent.hint ?? "")}{" "}
        <Link to={agent.credential === null ? "/settings/agents" : "/settings/credentials"} className="underline">
          Set it up
        </Link>
      </span>
    </p>
  );
}
