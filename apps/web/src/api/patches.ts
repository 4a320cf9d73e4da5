/** How a live event changes what REST had answered. Pure; an older version never replaces a newer one. */
import type { Page, SessionView, TaskEvent, TaskView } from "@samovar/contracts";
import type { InfiniteData } from "@tanstack/react-query";

type SessionPages = InfiniteData<Page<SessionView>, unknown>;

export function pickNewerSession(known: SessionView | undefined, incoming: SessionView): SessionView {
  return known !== undefined && known.version > incoming.version ? known : incoming;
}

export function pickNewerTask(known: TaskView | undefined, incoming: TaskView): TaskView {
  return known !== undefined && known.version > incoming.version ? known : incoming;
}

/** Replaces the session where it is, or puts a new one first. One older than all loaded pages is left to them. */
export function patchSessions(pages: SessionPages | undefined, incoming: SessionView): SessionPages | undefined {
  if (pages === undefined) return undefined;
  const known = pages.pages.some((page) => page.items.some((session) => session.id === incoming.id));
  if (known) return { ...pages, pages: pages.pages.map((page) => withSession(page, incoming)) };
  const [first, ...rest] = pages.pages;
  if (first === undefined || isBeyond(pages.pages, incoming)) return pages;
  const items = [incoming, ...first.items].toSorted((a, b) => (a.id < b.id ? 1 : -1));
  return { ...pages, pages: [{ ...first, items }, ...rest] };
}

export function patchTasks(
  tasks: readonly TaskView[] | undefined,
  incoming: TaskView,
): readonly TaskView[] | undefined {
  if (tasks === undefined) return undefined;
  if (!tasks.some((task) => task.id === incoming.id)) return [incoming, ...tasks];
  return tasks.map((task) => (task.id === incoming.id ? pickNewerTask(task, incoming) : task));
}

/** The events with the new ones in their places, or `gap` when some in between were never received. */
export function patchEvents(
  known: readonly TaskEvent[] | undefined,
  incoming: readonly TaskEvent[],
): readonly TaskEvent[] | undefined | "gap" {
  if (known === undefined || incoming.length === 0) return known;
  const last = known.at(-1)?.seq ?? 0;
  const fresh = incoming.filter((event) => event.seq > last).toSorted((a, b) => a.seq - b.seq);
  if (fresh.length === 0) return known;
  const dense = fresh.every((event, index) => event.seq === last + 1 + index);
  return dense ? [...known, ...fresh] : "gap";
}

function withSession(page: Page<SessionView>, incoming: SessionView): Page<SessionView> {
  if (!page.items.some((session) => session.id === incoming.id)) return page;
  return {
    ...page,
    items: page.items.map((session) => (session.id === incoming.id ? pickNewerSession(session, incoming) : session)),
  };
}

function isBeyond(pages: readonly Page<SessionView>[], incoming: SessionView): boolean {
  const last = pages.at(-1);
  const oldest = last?.items.at(-1);
  return last !== undefined && last.nextCursor !== null && oldest !== undefined && incoming.id < oldest.id;
}
