/** Columns of ended tasks that show more than the newest, and the way to the older ones. */
import { isTerminal } from "@samovar/domain/task-status";
import type { ProjectId } from "@samovar/base";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useState } from "react";
import type { TaskStatus } from "@samovar/contracts";
import { readOlder } from "../../api/board.ts";
import { getErrorMessage } from "../errors/error-panel.tsx";
import type { BoardMemory } from "./board-memory.ts";
import type { BoardMoves } from "./board-moves.ts";

export interface OlderTasks {
  readonly opened: ReadonlySet<TaskStatus>;
  readonly more: (status: TaskStatus) => void;
}

export function useOlderTasks(project: ProjectId, moves: BoardMoves, memory: BoardMemory): OlderTasks {
  const client = useQueryClient();
  const [opened, setOpened] = useState(memory.opened);
  const more = useCallback(
    (status: TaskStatus) => {
      if (!isTerminal(status)) return;
      memory.rememberOpened(status);
      setOpened(memory.opened());
      readOlder(client, project, status).catch((error: unknown) =>
        moves.notify({ tone: "fault", text: `Couldn't load older tasks. ${getErrorMessage(error)}` }),
      );
    },
    [client, project, moves, memory],
  );
  return { opened, more };
}
