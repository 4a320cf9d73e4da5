/** The last place on a project's board: the card and the scroll offset of each column. Lives as long as the page. */
import type { ProjectId, TaskId } from "@samovar/base";
import type { TaskStatus } from "@samovar/contracts";

interface Offset {
  readonly left: number;
  readonly top: number;
}

export interface BoardMemory {
  /** The card that had the focus last. */
  card(): TaskId | null;
  rememberCard(id: TaskId): void;
  /** By the name of what scrolls. */
  offset(name: string): Offset | undefined;
  rememberOffset(name: string, offset: Offset): void;
  /** Columns of ended tasks that show more than the newest. */
  opened(): ReadonlySet<TaskStatus>;
  rememberOpened(status: TaskStatus): void;
  /** Whether the address asks for another card than it did before; coming back asks for the last one instead. */
  isNew(asked: TaskId): boolean;
}

function createBoardMemory(): BoardMemory {
  const offsets = new Map<string, Offset>();
  let card: TaskId | null = null;
  let opened: ReadonlySet<TaskStatus> = new Set();
  let followed: TaskId | null = null;
  return {
    card: () => card,
    rememberCard: (id) => void (card = id),
    offset: (name) => offsets.get(name),
    rememberOffset: (name, offset) => void offsets.set(name, offset),
    opened: () => opened,
    rememberOpened: (status) => void (opened = new Set([...opened, status])),
    isNew(asked) {
      const isOther = asked !== followed;
      followed = asked;
      return isOther;
    },
  };
}

const memories = new Map<ProjectId, BoardMemory>();

export function getBoardMemory(project: ProjectId): BoardMemory {
  const memory = memories.get(project) ?? createBoardMemory();
  memories.set(project, memory);
  return memory;
}
