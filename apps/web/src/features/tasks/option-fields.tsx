/** The options of a task beside its text, for the composer and the form. Loaded as a separate chunk. */
import type { TaskId } from "@samovar/base";
import { agentKind, vmSize, type AgentOption, type AgentView, type ProjectView } from "@samovar/contracts";
import { useQuery } from "@tanstack/react-query";
import { useId, type ReactNode } from "react";
import { installationQuery } from "../../api/installation.ts";
import { sizesQuery } from "../../api/nodes.ts";
import { agentsQuery } from "../../api/settings.ts";
import { CONTROL } from "../../ui/field.tsx";
import { formatSizeOffer } from "../../lib/format-price.ts";
import { visibleText } from "../../lib/visible-text.ts";
import { AgentNote } from "./agent-note.tsx";
import { DependsOn } from "./depends-on.tsx";
import { PRIORITIES_BY_URGENCY, labelPriority } from "./priorities.ts";
import { findBranchFault, SIZES, withAgent, type TaskOptions } from "./task-options.ts";

export interface OptionFieldsProps {
  readonly project: ProjectView;
  readonly value: TaskOptions;
  readonly onChange: (value: TaskOptions) => void;
  /** The task that is edited: it cannot wait for itself. */
  readonly task?: TaskId;
}

export function OptionFields({ project, value, onChange, task }: OptionFieldsProps) {
  const { data: agents = [] } = useQuery(agentsQuery);
  const { data: installation } = useQuery(installationQuery);
  const fallback = project.defaultAgent ?? installation?.defaultAgent ?? null;
  const agent = agents.find(({ kind }) => kind === (value.agent ?? fallback));
  return (
    <div className="grid min-w-0 gap-3 tablet:grid-cols-2">
      <SizeChoice project={project} value={value} onChange={onChange} />
      <PriorityChoice value={value.priority} onChange={(priority) => onChange({ ...value, priority })} />
      <Choice
        label="Agent"
        value={value.agent ?? ""}
        onChange={(chosen) => onChange(withAgent(value, agentKind.safeParse(chosen).data ?? null))}
      >
        <option value="">{fallback === null ? "Default" : `Default (${getAgentName(agents, fallback)})`}</option>
        {agents.map((each) => (
          <option key={each.kind} value={each.kind}>
            {visibleText(each.name)}
            {each.usable ? "" : " (not set up)"}
          </option>
        ))}
      </Choice>
      <BranchField
        value={value.baseBranch}
        fallback={project.baseBranch}
        onChange={(baseBranch) => onChange({ ...value, baseBranch })}
      />
      {agent !== undefined && <AgentNote agent={agent} />}
      {agent !== undefined && <Offered agent={agent} value={value} onChange={onChange} />}
      <DependsOn
        project={project.id}
        value={value.dependsOn}
        without={task ?? null}
        onChange={(dependsOn) => onChange({ ...value, dependsOn })}
      />
    </div>
  );
}

function SizeChoice({ project, value, onChange }: OptionFieldsProps) {
  const { data: sizes = [] } = useQuery(sizesQuery);
  const { data: installation } = useQuery(installationQuery);
  const words = (size: keyof typeof SIZES) => {
    const offer = sizes.find((each) => each.size === size);
    return offer === undefined ? "" : formatSizeOffer(offer);
  };
  const fallback = project.defaultVmSize ?? installation?.defaultVmSize ?? null;
  const taken = value.vmSize ?? fallback;
  return (
    <Choice
      label="Node size"
      value={value.vmSize ?? ""}
      note={taken === null ? "" : words(taken)}
      onChange={(chosen) => onChange({ ...value, vmSize: vmSize.safeParse(chosen).data ?? null })}
    >
      <option value="">{fallback === null ? "Default" : `Default (${SIZES[fallback]})`}</option>
      {vmSize.options.map((size) => (
        <option key={size} value={size}>
          {[SIZES[size], words(size)].filter((part) => part !== "").join(": ")}
        </option>
      ))}
    </Choice>
  );
}

interface PriorityChoiceProps {
  readonly value: number;
  readonly onChange: (priority: number) => void;
}

export function PriorityChoice({ value, onChange }: PriorityChoiceProps) {
  return (
    <Choice label="Priority" value={`${value}`} onChange={(chosen) => onChange(Number(chosen))}>
      {PRIORITIES_BY_URGENCY.map((priority) => (
        <option key={priority} value={priority}>
          {labelPriority(priority)}
        </option>
      ))}
    </Choice>
  );
}

/** Models and permission modes, once the agent has reported them in a session. */
function Offered({ agent, value, onChange }: { readonly agent: AgentView } & Omit<OptionFieldsProps, "project">) {
  const { models, modes } = agent.capabilities ?? { models: [], modes: [] };
  return (
    <>
      <OfferedChoice
        label="Model"
        offered={models}
        value={value.model}
        onChange={(model) => onChange({ ...value, model })}
      />
      <OfferedChoice
        label="Permission mode"
        offered={modes}
        value={value.permissionMode}
        onChange={(permissionMode) => onChange({ ...value, permissionMode })}
      />
    </>
  );
}

interface OfferedChoiceProps {
  readonly label: string;
  readonly offered: readonly AgentOption[];
  readonly value: string | null;
  readonly onChange: (id: string | null) => void;
}

function OfferedChoice({ label, offered, value, onChange }: OfferedChoiceProps) {
  const gone = value !== null && !offered.some(({ id }) => id === value);
  if (offered.length === 0 && !gone) return null;
  return (
    <Choice label={label} value={value ?? ""} onChange={(chosen) => onChange(chosen === "" ? null : chosen)}>
      <option value="">Agent default</option>
      {gone && <option value={value}>{visibleText(value)}</option>}
      {offered.map(({ id, name }) => (
        <option key={id} value={id}>
          {visibleText(name)}
        </option>
      ))}
    </Choice>
  );
}

interface BranchFieldProps {
  readonly value: string;
  readonly fallback: string | null;
  readonly onChange: (value: string) => void;
}

function BranchField({ value, fallback, onChange }: BranchFieldProps) {
  const id = useId();
  const fault = findBranchFault(value);
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={id} className="text-small font-medium text-ink-2">
        Base branch
      </label>
      <input
        id={id}
        value={value}
        spellCheck={false}
        autoCapitalize="none"
        placeholder={fallback ?? "the repository's default"}
        aria-invalid={fault !== null}
        aria-describedby={fault === null ? undefined : `${id}-fault`}
        onChange={(event) => onChange(event.target.value)}
        className={CONTROL}
      />
      {fault !== null && (
        <p id={`${id}-fault`} className="text-small text-failed">
          {fault}
        </p>
      )}
    </div>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  /** Beneath it; nothing where it is empty. */
  readonly note?: string;
  readonly onChange: (value: string) => void;
  readonly children: ReactNode;
}

function Choice({ label, value, note = "", onChange, children }: ChoiceProps) {
  const id = useId();
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={id} className="text-small font-medium text-ink-2">
        {label}
      </label>
      <select
        id={id}
        value={value}
        aria-describedby={`${id}-note`}
        onChange={(event) => onChange(event.target.value)}
        className={CONTROL}
      >
        {children}
      </select>
      <p id={`${id}-note`} className="text-small text-ink-3 empty:hidden">
        {note}
      </p>
    </div>
  );
}

const getAgentName = (agents: readonly AgentView[], kind: string): string =>
  visibleText(agents.find((agent) => agent.kind === kind)?.name ?? kind);
