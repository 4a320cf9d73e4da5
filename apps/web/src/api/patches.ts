/** How a live event changes what REST had answered. Pure; an older version never replaces a newer one. */
import type { Page, SessionView, TaskEvent, TaskView } from "@samovar/contracts";
import type { InfiniteData } from "@tanstack/react-query";

type SessionPages = InfiniteData<Page<SessionView>, unknown>;

export function newerSession(known: SessionView | undefined, told: SessionView): SessionView {
  return known !== undefined && known.version > told.version ? known : told;
}

export function newerTask(known: TaskView | undefined, told: TaskView): TaskView {
  return known !== undefined && known.version > told.version ? known : told;
}

/** Replaces the session where it is, or puts a new one first. One older than all loaded pages is left to them. */
export function patchSessions(pages: SessionPages | undefined, told: SessionView): SessionPages | undefined {
  if (pages === undefined) return undefined;
  const known = pages.pages.some((page) => page.items.some((session) => session.id === told.id));
  if (known) return { ...pages, pages: pages.pages.map((page) => withSession(page, told)) };
  const [first, ...rest] = pages.pages;
  if (first === undefined || isBeyond(pages.pages, told)) return pages;
  const items = [told, ...first.items].toSorted((a, b) => (a.id < b.id ? 1 : -1));
  return { ...pages, pages: [{ ...first, items }, ...rest] };
}

export function patchTasks(tasks: readonly TaskView[] | undefined, told: TaskView): readonly TaskView[] | undefined {
  if (tasks === undefined) return undefined;
  if (!tasks.some((task) => task.id === told.id)) return [told, ...tasks];
  return tasks.map((task) => (task.id === told.id ? newerTask(task, told) : task));
}

/** The events with the new ones in their places, or `gap` when some in between were never told. */
export function patchEvents(
  known: readonly TaskEvent[] | undefined,
  told: readonly TaskEvent[],
): readonly TaskEvent[] | undefined | "gap" {
  if (known === undefined || told.length === 0) return known;
  const last = known.at(-1)?.seq ?? 0;
  const fresh = told.filter((event) => event.seq > last).toSorted((a, b) => a.seq - b.seq);
  if (fresh.length === 0) return known;
  const dense = fresh.every((event, index) => event.seq === last + 1 + index);
  return dense ? [...known, ...fresh] : "gap";
}

function withSession(page: Page<SessionView>, told: SessionView): Page<SessionView> {
  if (!page.items.some((session) => session.id === told.id)) return page;
  return {
    ...page,
    items: page.items.map((session) => (session.id === told.id ? newerSession(session, told) : session)),
  };
}

function isBeyond(pages: readonly Page<SessionView>[], told: SessionView): boolean {
  const last = pages.at(-1);
  const oldest = last?.items.at(-1);
  return last !== undefined && last.nextCursor !== null && oldest !== undefined && told.id < oldest.id;
}
