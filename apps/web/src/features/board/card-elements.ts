/** Cards as the browser has them: which has the focus, and how one gets it. */
import type { TaskId } from "@samovar/base";
import { taskId } from "@samovar/contracts";

export function findCardId(target: EventTarget | null): TaskId | null {
  const card = target instanceof Element ? target.closest<HTMLElement>("[data-card]") : null;
  return taskId.safeParse(card?.dataset["card"]).data ?? null;
}

export const findCard = (board: HTMLElement, id: TaskId): HTMLElement | null =>
  board.querySelector<HTMLElement>(`[data-card="${id}"]`);

/** Whether it could be given. `show`: brings it into view as well. */
export function focusCard(board: HTMLElement, id: TaskId, show: boolean): boolean {
  const card = findCard(board, id);
  const link = card?.querySelector<HTMLElement>("a") ?? null;
  if (card === null || link === null) return false;
  link.focus({ preventScroll: true });
  if (show) card.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
  return true;
}

/** Nothing on the page has it: the element that had it is gone, or nothing was chosen yet. */
export const isFocusFree = (): boolean => document.activeElement === null || document.activeElement === document.body;
