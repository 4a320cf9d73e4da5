/**
 * What a person does to the cards: each move shows at once, is sent in its turn, is announced, and goes back with
 * the reason when it is refused. A move that costs nothing can be undone.
 */
import type { TaskId } from "@samovar/base";
import type { PatchTask, TaskStatus, TaskView } from "@samovar/contracts";
import { createStore, type StoreApi } from "zustand/vanilla";
import type { BoardSearch } from "./board-search.ts";
import type { TaskAction } from "../../api/commands.ts";
import type { NoticeTone } from "../../ui/notice.tsx";
import { visibleText } from "../../lib/visible-text.ts";
import { toColumns, labelColumn, filterTasks, findPlace } from "./columns.ts";
import { isIdle } from "../tasks/shown-status.ts";
import { mayReorder, moveBeside, moveTo, type Direction } from "./moves.ts";
import { getNextPriority, labelPriority } from "../tasks/priorities.ts";
import { acceptChange, beginChange, withdrawChange, withPending, type Pending, type PendingChange } from "./pending.ts";

export interface BoardDeps {
  /** The latest tasks received from the server. */
  tasks(): readonly TaskView[];
  /** Takes what the server answered. */
  accept(task: TaskView): void;
  edit(task: TaskId, patch: PatchTask): Promise<TaskView>;
  act(task: TaskId, action: TaskAction): Promise<TaskView>;
  /** What went wrong, in words, and the page where it is put right. */
  explain(error: unknown): { readonly text: string; readonly settingsPath: string | null };
}

export interface Notice {
  readonly id: number;
  readonly tone: NoticeTone;
  readonly text: string;
  readonly settingsPath?: string | null;
  readonly action?: { readonly label: string; readonly run: () => void };
}

export interface BoardState {
  readonly pending: Pending;
  readonly notice: Notice | null;
  /** For screen readers; the count distinguishes equal texts. */
  readonly announcement: { readonly count: number; readonly text: string };
  /** The task whose cancelling waits for a yes. */
  readonly asking: TaskId | null;
  readonly search: BoardSearch;
  readonly offline: boolean;
}

export interface BoardMoves {
  readonly store: StoreApi<BoardState>;
  setContext(what: Pick<BoardState, "search" | "offline">): void;
  move(id: TaskId, to: TaskStatus): void;
  moveBeside(id: TaskId, direction: Direction): void;
  setPriority(id: TaskId, priority: number): void;
  /** Acknowledges a failed task, or reverts that. */
  acknowledge(id: TaskId, acknowledged: boolean): void;
  prioritise(id: TaskId, direction: "up" | "down"): void;
  /** Answers the open confirmation. */
  answer(cancel: boolean): void;
  announce(text: string): void;
  notify(notice: Omit<Notice, "id">): void;
  dismiss(id: number): void;
}

const OFFLINE = "You're offline, so nothing was sent. Try again when you're back online.";

export function createBoardMoves(deps: BoardDeps): BoardMoves {
  const store = createStore<BoardState>(() => ({
    pending: new Map(),
    notice: null,
    announcement: { count: 0, text: "" },
    asking: null,
    search: {},
    offline: false,
  }));
  const { getState, setState } = store;
  const turns = new Map<TaskId, Promise<void>>();
  let made = 0;

  const shown = () => withPending(deps.tasks(), getState().pending);
  const find = (id: TaskId) => shown().find((task) => task.id === id);
  const announce = (text: string) =>
    setState(({ announcement }) => ({ announcement: { count: announcement.count + 1, text } }));
  const notify = (notice: Omit<Notice, "id">) => {
    setState({ notice: { ...notice, id: (made += 1) } });
    announce(notice.text);
  };
  const place = (id: TaskId) => findPlace(toColumns(filterTasks(shown(), getState().search)), id);
  const refuse = (task: TaskView, why: string) =>
    notify({ tone: "refused", text: `Couldn't change ${quoteTitle(task)}. ${why}` });

  const send = (task: TaskView, fields: PendingChange["fields"], command: () => Promise<TaskView>) => {
    const token = (made += 1);
    setState(({ pending }) => ({ pending: beginChange(pending, task.id, { token, fields }) }));
    const before = turns.get(task.id);
    const turn = async () => {
      await before;
      try {
        const changed = await command();
        deps.accept(changed);
        setState(({ pending }) => ({ pending: acceptChange(pending, task.id, token, changed.version) }));
      } catch (error) {
        setState(({ pending }) => ({ pending: withdrawChange(pending, task.id, token) }));
        const { text, settingsPath } = deps.explain(error);
        notify({
          tone: "fault",
          text: `The change to ${quoteTitle(task)} was undone. ${text}`,
          settingsPath,
        });
      }
    };
    turns.set(task.id, turn());
  };

  const describePlace = (id: TaskId, done: string) => {
    const at = place(id);
    return at === null ? `${done}, hidden by the filter` : `${done}, ${at.at}`;
  };

  const toIdle = (task: TaskView, status: "draft" | "ready", undoable: boolean) => {
    send(task, { status }, () => deps.edit(task.id, { status }));
    const before = task.status;
    const text = `${quoteTitle(task)} moved to ${labelColumn(status)}`;
    if (undoable && (before === "draft" || before === "ready"))
      setState({
        notice: { id: (made += 1), tone: "done", text, action: { label: "Undo", run: undo(task.id, before) } },
      });
    announce(describePlace(task.id, text));
  };
  const undo = (id: TaskId, status: "draft" | "ready") => () => {
    setState({ notice: null });
    const task = find(id);
    if (task !== undefined && isIdle(task)) toIdle(task, status, false);
  };

  const run = (task: TaskView, action: "run" | "retry") => {
    send(task, { status: "queued", cancelRequested: false, waiting: null }, () => deps.act(task.id, action));
    const text = `Running ${quoteTitle(task)}${action === "run" ? "" : " again"} on a node`;
    const label = "Cancel run";
    setState({ notice: { id: (made += 1), tone: "done", text, action: { label, run: () => stop(task.id) } } });
    announce(describePlace(task.id, `${text}. Moved to Queued`));
  };

  const stop = (id: TaskId) => {
    const task = find(id);
    setState({ notice: null });
    if (task === undefined) return;
    const fields = isIdle(task) ? ({ status: "cancelled" } as const) : { cancelRequested: true };
    send(task, fields, () => deps.act(id, "cancel"));
    announce(
      isIdle(task)
        ? describePlace(id, `${quoteTitle(task)} moved to Cancelled`)
        : `${quoteTitle(task)} is being cancelled`,
    );
  };

  const perform = (task: TaskView, move: ReturnType<typeof moveTo>) => {
    if (move.kind === "stay") return;
    if (move.kind === "refused") return refuse(task, move.why);
    if (getState().offline) return refuse(task, OFFLINE);
    if (move.kind === "edit") return toIdle(task, move.status, true);
    if (move.action === "cancel") return setState({ asking: task.id });
    run(task, move.action);
  };

  const setPriority = (id: TaskId, priority: number) => {
    const task = find(id);
    if (task === undefined || task.priority === priority) return;
    if (!mayReorder(task)) return refuse(task, "Priority only matters before a task runs.");
    if (getState().offline) return refuse(task, OFFLINE);
    send(task, { priority }, () => deps.edit(id, { priority }));
    const at = place(id);
    announce(`${quoteTitle(task)}: ${labelPriority(priority)}${at === null ? "" : `, ${at.at} in ${at.word}`}`);
  };

  const acknowledge = (id: TaskId, acknowledged: boolean) => {
    const task = find(id);
    if (task?.status !== "failed") return;
    if (getState().offline) return refuse(task, OFFLINE);
    send(task, { acknowledged }, () => deps.act(id, acknowledged ? "acknowledge" : "unacknowledge"));
    const text = acknowledged
      ? `Acknowledged ${quoteTitle(task)}: no longer needs attention`
      : `${quoteTitle(task)} needs attention again`;
    const action = { label: "Undo", run: () => acknowledge(id, !acknowledged) };
    setState({ notice: acknowledged ? { id: (made += 1), tone: "done", text, action } : null });
    announce(text);
  };

  return {
    store,
    announce,
    notify,
    setPriority,
    acknowledge,
    setContext: (what) => setState(what),
    move(id, to) {
      const task = find(id);
      if (task !== undefined) perform(task, moveTo(task, to));
    },
    moveBeside(id, direction) {
      const task = find(id);
      if (task !== undefined) perform(task, moveBeside(task, direction).move);
    },
    prioritise(id, direction) {
      const task = find(id);
      const next = task === undefined ? null : getNextPriority(task.priority, direction);
      if (next !== null) setPriority(id, next);
      else if (task !== undefined)
        announce(`${quoteTitle(task)} already has the ${direction === "up" ? "highest" : "lowest"} priority`);
    },
    answer(cancel) {
      const { asking } = getState();
      setState({ asking: null });
      if (cancel && asking !== null) stop(asking);
    },
    dismiss: (id) => setState(({ notice }) => (notice?.id === id ? { notice: null } : {})),
  };
}

const quoteTitle = ({ title }: TaskView): string => `“${visibleText(title)}”`;
