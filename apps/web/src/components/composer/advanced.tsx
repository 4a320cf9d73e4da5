/** Agent and size of the task: a summary line that opens in place and keeps its values. */
import type { AgentView, ProjectView, VmSize } from "@samovar/contracts";
import { agentKind, vmSize } from "@samovar/contracts";
import { useQuery } from "@tanstack/react-query";
import { clsx } from "clsx";
import { SlidersHorizontal } from "lucide-react";
import { useId, useState, type ReactNode } from "react";
import { agentsQuery } from "../../data/settings.ts";
import { CONTROL } from "../../ui/field.tsx";
import type { Draft } from "./draft.ts";

interface AdvancedProps {
  readonly project: ProjectView;
  readonly draft: Draft;
  readonly onChange: (draft: Draft) => void;
}

const SIZES: Readonly<Record<VmSize, string>> = { small: "Small", medium: "Medium", large: "Large" };

export function Advanced({ project, draft, onChange }: AdvancedProps) {
  const [open, setOpen] = useState(false);
  const { data: agents = [] } = useQuery(agentsQuery);
  const changed = Number(draft.agent !== null) + Number(draft.vmSize !== null);
  const chosen = agents.find((agent) => agent.kind === (draft.agent ?? project.defaultAgent));
  return (
    <div className={clsx("flex min-w-0 flex-col gap-2", open && "w-full")}>
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="inline-flex min-h-8 items-center gap-1.5 self-start rounded-md px-2 text-small text-ink-2 hover:bg-inset hover:text-ink pointer-coarse:min-h-11"
      >
        <SlidersHorizontal size={14} aria-hidden="true" />
        Advanced
        <span className="text-ink-3">{summary(draft, agents)}</span>
        {changed > 0 && (
          <span className="rounded-full bg-accent-tint px-1.5 text-accent tabular-nums">{changed} changed</span>
        )}
      </button>
      {open && (
        <div className="grid gap-3 px-2 pb-1 tablet:grid-cols-2">
          <Choice
            label="Agent"
            value={draft.agent ?? ""}
            onChange={(value) => onChange({ ...draft, agent: agentKind.safeParse(value).data ?? null })}
          >
            <option value="">
              Project's default{project.defaultAgent === null ? "" : ` (${nameOf(agents, project.defaultAgent)})`}
            </option>
            {agents.map((agent) => (
              <option key={agent.kind} value={agent.kind}>
                {agent.name}
                {agent.usable ? "" : " (not set up)"}
              </option>
            ))}
          </Choice>
          <Choice
            label="Machine"
            value={draft.vmSize ?? ""}
            onChange={(value) => onChange({ ...draft, vmSize: vmSize.safeParse(value).data ?? null })}
          >
            <option value="">
              Project's default{project.defaultVmSize === null ? "" : ` (${SIZES[project.defaultVmSize]})`}
            </option>
            {vmSize.options.map((size) => (
              <option key={size} value={size}>
                {SIZES[size]}
              </option>
            ))}
          </Choice>
          {chosen !== undefined && (
            <p className={clsx("text-small tablet:col-span-2", chosen.usable ? "text-ink-3" : "text-working")}>
              {chosen.usable ? chosen.description : (chosen.hint ?? chosen.description)}
            </p>
          )}
        </div>
      )}
    </div>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly children: ReactNode;
}

function Choice({ label, value, onChange, children }: ChoiceProps) {
  const id = useId();
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={id} className="text-small font-medium text-ink-2">
        {label}
      </label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value)} className={CONTROL}>
        {children}
      </select>
    </div>
  );
}

function summary(draft: Draft, agents: readonly AgentView[]): string {
  const parts = [
    draft.vmSize === null ? null : SIZES[draft.vmSize],
    draft.agent === null ? null : nameOf(agents, draft.agent),
  ];
  return parts.filter((part) => part !== null).join(" · ");
}

function nameOf(agents: readonly AgentView[], kind: string): string {
  return agents.find((agent) => agent.kind === kind)?.name ?? kind;
}
