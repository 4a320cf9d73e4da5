/** The draft of a project's next task, kept in this browser while it is typed. */
import type { ProjectId } from "@samovar/base";
import { parseJson } from "@samovar/base";
import { createTask, type CreateTask } from "@samovar/contracts";
import { useStore } from "zustand";
import { createStore, type StoreApi } from "zustand/vanilla";
import { openBrowserText } from "../../lib/stored-text.ts";
import { countChanged, toFields, noOptions, type TaskOptions } from "./task-options.ts";

export interface Draft extends TaskOptions {
  readonly text: string;
}

export const emptyDraft: Draft = { ...noOptions, text: "" };

const choices = createTask.pick({
  agent: true,
  model: true,
  permissionMode: true,
  vmSize: true,
  priority: true,
  dependsOn: true,
});

export function readDraft(kept: string): Draft {
  const value = parseJson(kept);
  if (typeof value !== "object" || value === null || !("text" in value) || typeof value.text !== "string")
    return emptyDraft;
  const known = choices.safeParse(value).data;
  const baseBranch = "baseBranch" in value && typeof value.baseBranch === "string" ? value.baseBranch : "";
  return {
    text: value.text,
    agent: known?.agent ?? null,
    model: known?.model ?? null,
    permissionMode: known?.permissionMode ?? null,
    vmSize: known?.vmSize ?? null,
    priority: known?.priority ?? 0,
    baseBranch,
    dependsOn: known?.dependsOn ?? [],
  };
}

export const writeDraft = (draft: Draft): string =>
  draft.text === "" && countChanged(draft) === 0 ? "" : JSON.stringify(draft);

export function toTask({ text, ...options }: Draft, run: boolean): CreateTask {
  return { description: text, run, ...toFields(options) };
}

/** A task that was asked for, back in the composer. */
export const toDraft = (task: CreateTask): Draft => ({
  text: task.description,
  agent: task.agent ?? null,
  model: task.model ?? null,
  permissionMode: task.permissionMode ?? null,
  vmSize: task.vmSize ?? null,
  priority: task.priority ?? 0,
  baseBranch: task.baseBranch ?? "",
  dependsOn: task.dependsOn ?? [],
});

/** What stays for the next task: the run options, not what only this task needed. */
export const clearAfterSending = (draft: Draft): Draft => ({
  ...emptyDraft,
  agent: draft.agent,
  model: draft.model,
  permissionMode: draft.permissionMode,
  vmSize: draft.vmSize,
});

const stores = new Map<ProjectId, StoreApi<Draft>>();

function getStore(project: ProjectId): StoreApi<Draft> {
  const known = stores.get(project);
  if (known !== undefined) return known;
  const kept = openBrowserText(`draft.${project}`);
  const store = createStore<Draft>(() => readDraft(kept.read()));
  store.subscribe((draft) => kept.write(writeDraft(draft)));
  stores.set(project, store);
  return store;
}

/** Puts a draft into the project's composer, from anywhere. Give it focus with the action `task.new`. */
export const fillDraft = (project: ProjectId, change: Partial<Draft>): void => getStore(project).setState(change);

export const getDraft = (project: ProjectId): Draft => getStore(project).getState();

export function useDraft(project: ProjectId): readonly [Draft, (draft: Draft) => void] {
  const store = getStore(project);
  return [useStore(store), (draft) => store.setState(draft)];
}
