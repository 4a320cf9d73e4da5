/** The draft of a project's next task, kept in this browser while it is typed. */
import type { ProjectId } from "@samovar/base";
import { createTask, type AgentKind, type CreateTask, type VmSize } from "@samovar/contracts";
import { useCallback, useState } from "react";
import { browserKept, type KeptText } from "../../data/kept-text.ts";

export interface Draft {
  readonly text: string;
  /** Null: what the project says. */
  readonly agent: AgentKind | null;
  readonly vmSize: VmSize | null;
}

export const emptyDraft: Draft = { text: "", agent: null, vmSize: null };

export function readDraft(kept: string): Draft {
  try {
    const value: unknown = JSON.parse(kept);
    if (typeof value !== "object" || value === null || !("text" in value) || typeof value.text !== "string")
      return emptyDraft;
    const { agent, vmSize } = createTask.pick({ agent: true, vmSize: true }).safeParse(value).data ?? {};
    return { text: value.text, agent: agent ?? null, vmSize: vmSize ?? null };
  } catch {
    return emptyDraft;
  }
}

export const writeDraft = (draft: Draft): string =>
  draft.text === "" && draft.agent === null && draft.vmSize === null ? "" : JSON.stringify(draft);

export const toTask = (draft: Draft, run: boolean): CreateTask => ({
  description: draft.text,
  run,
  agent: draft.agent,
  vmSize: draft.vmSize,
});

const stores = new Map<ProjectId, KeptText>();

function storeOf(project: ProjectId): KeptText {
  const store = stores.get(project) ?? browserKept(`draft.${project}`);
  stores.set(project, store);
  return store;
}

export function useDraft(project: ProjectId): readonly [Draft, (draft: Draft) => void] {
  const [draft, setDraft] = useState(() => readDraft(storeOf(project).read()));
  const change = useCallback(
    (next: Draft) => {
      setDraft(next);
      storeOf(project).write(writeDraft(next));
    },
    [project],
  );
  return [draft, change];
}
