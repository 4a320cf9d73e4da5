/** The moves of a project's board, over the real commands and the cache that the socket keeps fresh. */
import type { ProjectId } from "@samovar/base";
import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { BoardSearch } from "./board-search.ts";
import { boardQuery } from "../../api/board.ts";
import { actOnTask, editTask } from "../../api/commands.ts";
import { patchTask } from "../../api/live/feed.ts";
import { useConnectionStatus } from "../../api/use-live.ts";
import { getErrorMessage } from "../errors/error-panel.tsx";
import { getSettingsPath } from "../errors/settings-path.ts";
import { createBoardMoves, type BoardMoves } from "./board-moves.ts";

export function useBoardMoves(project: ProjectId, search: BoardSearch): BoardMoves {
  const client = useQueryClient();
  const offline = useConnectionStatus() === "offline";
  const [moves] = useState(() => createMoves(client, project));
  useEffect(() => moves.setContext({ search, offline }), [moves, search, offline]);
  return moves;
}

const createMoves = (client: QueryClient, project: ProjectId): BoardMoves =>
  createBoardMoves({
    tasks: () => client.getQueryData(boardQuery(project).queryKey)?.tasks ?? [],
    accept: (task) => patchTask(client, project, task, []),
    edit: (task, patch) => editTask(project, task, patch),
    act: (task, action) => actOnTask(project, task, action),
    explain: (error) => ({ text: getErrorMessage(error), settingsPath: getSettingsPath(error) }),
  });
