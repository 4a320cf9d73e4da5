/** Columns of ended tasks that show more than the newest, and the way to the older ones. */
import type { ProjectId } from "@samovar/base";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useState } from "react";
import type { TaskStatus } from "@samovar/contracts";
import { isTerminal } from "../../api/board-tasks.ts";
import { readOlder } from "../../api/board.ts";
import { messageOf } from "../errors/error-panel.tsx";
import type { BoardMemory } from "./board-memory.ts";
import type { BoardMoves } from "./board-moves.ts";

export interface Showing {
  readonly opened: ReadonlySet<TaskStatus>;
  readonly more: (status: TaskStatus) => void;
}

export function useShowing(project: ProjectId, moves: BoardMoves, memory: BoardMemory): Showing {
  const client = useQueryClient();
  const [opened, setOpened] = useState(memory.opened);
  const more = useCallback(
    (status: TaskStatus) => {
      if (!isTerminal(status)) return;
      memory.rememberOpened(status);
      setOpened(memory.opened());
      readOlder(client, project, status).catch((error: unknown) =>
        moves.tell({ tone: "fault", text: `The older tasks could not be read. ${messageOf(error)}` }),
      );
    },
    [client, project, moves, memory],
  );
  return { opened, more };
}
