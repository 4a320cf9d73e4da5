/** Dragging cards to columns with a mouse or a pen. Fingers scroll and swipe here; they have the card's menu. */
import {
  draggable,
  dropTargetForElements,
  monitorForElements,
} from "@atlaskit/pragmatic-drag-and-drop/element/adapter";
import type { TaskId } from "@samovar/base";
import { taskId, taskStatus, type TaskStatus } from "@samovar/contracts";
import { useEffect, useEffectEvent, useState, type RefObject } from "react";

const isFine = (): boolean => matchMedia("(pointer: fine)").matches;

export function useDraggable(card: RefObject<HTMLElement | null>, id: TaskId): void {
  useEffect(() => {
    const element = card.current;
    return element === null || !isFine() ? undefined : draggable({ element, getInitialData: () => ({ card: id }) });
  }, [card, id]);
}

/** Whether the dragged card is over the column. `takes`: whether it may be dropped there. */
export function useDropColumn(column: RefObject<HTMLElement | null>, status: TaskStatus, takes: boolean): boolean {
  const [over, setOver] = useState(false);
  const canDrop = useEffectEvent(() => takes);
  useEffect(() => {
    const element = column.current;
    if (element === null) return;
    return dropTargetForElements({
      element,
      canDrop,
      getData: () => ({ column: status }),
      getDropEffect: () => "move",
      onDragEnter: () => setOver(true),
      onDragLeave: () => setOver(false),
      onDrop: () => setOver(false),
    });
  }, [column, status]);
  return over;
}

/** The card that is being dragged now. */
export function useDragged(onDrop: (id: TaskId, to: TaskStatus) => void): TaskId | null {
  const [dragged, setDragged] = useState<TaskId | null>(null);
  const drop = useEffectEvent(onDrop);
  useEffect(
    () =>
      monitorForElements({
        canMonitor: ({ source }) => source.data["card"] !== undefined,
        onDragStart: ({ source }) => setDragged(cardIn(source.data)),
        onDrop: ({ source, location }) => {
          setDragged(null);
          const id = cardIn(source.data);
          const to = taskStatus.safeParse(location.current.dropTargets[0]?.data["column"]).data;
          if (id !== null && to !== undefined) drop(id, to);
        },
      }),
    [],
  );
  return dragged;
}

const cardIn = (data: Readonly<Record<string, unknown>>): TaskId | null => taskId.safeParse(data["card"]).data ?? null;
