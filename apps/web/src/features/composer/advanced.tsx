/** How the task will run: a summary line that opens in place. The fields come when they are asked for. */
import type { AgentView, ProjectView } from "@samovar/contracts";
import { useQuery } from "@tanstack/react-query";
import { clsx } from "clsx";
import { ChevronDown, SlidersHorizontal, TriangleAlert } from "lucide-react";
import { lazy, Suspense, useEffect, useId, useState } from "react";
import { installationQuery } from "../../api/installation.ts";
import { agentsQuery } from "../../api/settings.ts";
import { Skeleton } from "../../ui/skeleton.tsx";
import { fetchAhead } from "../../lib/when-idle.ts";
import { countChanged, SIZES, type TaskOptions } from "../tasks/task-options.ts";
import { visibleText } from "../../lib/visible-text.ts";
import type { Draft } from "../tasks/draft.ts";

const fetchFields = () => import("../tasks/option-fields.tsx");
const OptionFields = lazy(async () => ({ default: (await fetchFields()).OptionFields }));

interface AdvancedProps {
  readonly project: ProjectView;
  readonly draft: Draft;
  readonly onChange: (draft: Draft) => void;
}

export function Advanced({ project, draft, onChange }: AdvancedProps) {
  const id = useId();
  const [open, setOpen] = useState(false);
  const { data: agents = [] } = useQuery(agentsQuery);
  const { data: installation } = useQuery(installationQuery);
  useEffect(() => fetchAhead(fetchFields), []);
  const changed = countChanged(draft);
  const agent = findAgent(agents, draft.agent ?? project.defaultAgent ?? installation?.defaultAgent ?? null);
  const size = draft.vmSize ?? project.defaultVmSize ?? installation?.defaultVmSize ?? null;
  return (
    <div className={clsx("flex min-w-0 flex-col gap-2", open && "w-full")}>
      <button
        type="button"
        aria-expanded={open}
        aria-controls={`${id}-fields`}
        onClick={() => setOpen(!open)}
        className="inline-flex min-h-8 max-w-full min-w-0 items-center gap-1.5 self-start rounded-md px-2 text-small text-ink-2 hover:bg-inset hover:text-ink pointer-coarse:min-h-11"
      >
        <SlidersHorizontal size={14} className="shrink-0" aria-hidden="true" />
        <span className="sr-only">Advanced: </span>
        <span className="min-w-0 truncate">{summary(size === null ? null : SIZES[size], agent, draft, project)}</span>
        {agent?.usable === false && (
          <TriangleAlert size={14} className="shrink-0 text-working" role="img" aria-label="This agent isn't set up" />
        )}
        {changed > 0 && (
          <span className="shrink-0 rounded-full bg-accent-tint px-1.5 text-accent tabular-nums">
            {changed} changed
          </span>
        )}
        <ChevronDown size={14} className={clsx("shrink-0", open && "rotate-180")} aria-hidden="true" />
      </button>
      <div id={`${id}-fields`} hidden={!open} className="max-h-[45vh] overflow-y-auto px-2 pt-0.5 pb-1">
        {open && (
          <Suspense fallback={<Skeleton label="Loading options" lines={[100, 100]} />}>
            <OptionFields
              project={project}
              value={draft}
              onChange={(options: TaskOptions) => onChange({ ...draft, ...options })}
            />
          </Suspense>
        )}
      </div>
    </div>
  );
}

const findAgent = (agents: readonly AgentView[], kind: string | null): AgentView | undefined =>
  agents.find((agent) => agent.kind === kind);

function summary(size: string | null, agent: AgentView | undefined, draft: Draft, project: ProjectView): string {
  const branch = draft.baseBranch.trim() || project.baseBranch;
  const parts = [size === null ? null : `${size} node`, agent === undefined ? null : agent.name, branch];
  const shown = parts.filter((part) => part !== null).map((part) => visibleText(part));
  return shown.length === 0 ? "Options" : shown.join(" · ");
}
