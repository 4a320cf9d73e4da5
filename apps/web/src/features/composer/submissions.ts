/**
 * Tasks that are on their way: kept in the browser until the server has answered, so that neither a lost answer
 * nor a reload loses a text. A second try carries the same key and can make no second task.
 */
import type { ProjectId } from "@samovar/base";
import { parseJson } from "@samovar/base";
import { createTask, projectId, type CreateTask, type TaskView } from "@samovar/contracts";
import { createStore, type StoreApi } from "zustand/vanilla";
import { ApiError, type ApiErrorCode } from "../../api/client.ts";
import type { StoredText } from "../../lib/stored-text.ts";
import { getSettingsPath, type SettingsPath } from "../errors/settings-path.ts";

export interface Submission {
  /** A UUID: the idempotency key. */
  readonly key: string;
  readonly project: ProjectId;
  readonly task: CreateTask;
  readonly state: "sending" | "failed" | "unknown";
  /** Why it failed; null while sending, and when a reload left it unknown. */
  readonly error: SubmissionError | null;
}

export interface SubmissionError {
  readonly code: ApiErrorCode;
  readonly message: string;
  readonly requestId: string | null;
  /** The page on which it can be put right. */
  readonly settings: SettingsPath | null;
}

export interface SubmissionState {
  readonly pending: readonly Submission[];
  /** Resolves to the task, or to null when it failed; the submission then stays with its error. */
  submit(project: ProjectId, task: CreateTask, key: string): Promise<TaskView | null>;
  retry(key: string): Promise<TaskView | null>;
  /** Takes it out, for editing or for good. */
  drop(key: string): void;
}

export interface SubmissionDeps {
  readonly send: (project: ProjectId, task: CreateTask, key: string) => Promise<TaskView>;
  readonly kept: StoredText;
}

export function createSubmissions({ send, kept }: SubmissionDeps): StoreApi<SubmissionState> {
  return createStore<SubmissionState>()((set, get) => {
    const put = (pending: readonly Submission[]) => {
      set({ pending });
      kept.write(JSON.stringify(pending.map(({ key, project, task }) => ({ key, project, task }))));
    };
    const replace = (key: string, change: Partial<Submission>) =>
      put(get().pending.map((submission) => (submission.key === key ? { ...submission, ...change } : submission)));
    const deliver = async (project: ProjectId, task: CreateTask, key: string) => {
      try {
        const accepted = await send(project, task, key);
        put(get().pending.filter((submission) => submission.key !== key));
        return accepted;
      } catch (error) {
        replace(key, { state: "failed", error: describe(error) });
        return null;
      }
    };
    return {
      pending: readKept(kept.read()),
      submit(project, asked, key) {
        // In the schema's own form, so that what is sent again after a reload is the same request to the letter.
        const task = createTask.safeParse(asked).data ?? asked;
        put([...get().pending, { key, project, task, state: "sending", error: null }]);
        return deliver(project, task, key);
      },
      async retry(key) {
        const again = get().pending.find((submission) => submission.key === key);
        if (again === undefined || again.state === "sending") return null;
        replace(key, { state: "sending", error: null });
        return deliver(again.project, again.task, key);
      },
      drop: (key) => put(get().pending.filter((submission) => submission.key !== key)),
    };
  });
}

function describe(error: unknown): SubmissionError {
  const settings = getSettingsPath(error);
  if (error instanceof ApiError) {
    const { code, message, requestId } = error;
    return { code, message, requestId, settings };
  }
  return { code: "internal", message: "Something went wrong on this page. Try again.", requestId: null, settings };
}

/** Whether they arrived is not known; asking again is safe. */
function readKept(text: string): readonly Submission[] {
  const listed = parseJson(text);
  if (!Array.isArray(listed)) return [];
  return listed.flatMap((item: unknown): readonly Submission[] => {
    if (typeof item !== "object" || item === null || !("key" in item && "project" in item && "task" in item)) return [];
    const project = projectId.safeParse(item.project);
    const task = createTask.safeParse(item.task);
    if (typeof item.key !== "string" || !project.success || !task.success) return [];
    return [{ key: item.key, project: project.data, task: task.data, state: "unknown", error: null }];
  });
}
