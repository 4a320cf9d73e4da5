/** Where one was last on each face of a project, so that switching between them comes back to the same place. */
import type { ProjectId, SessionId } from "@samovar/base";
import type { BoardSearch } from "./board-search.ts";

const sessions = new Map<ProjectId, SessionId>();
const boards = new Map<ProjectId, BoardSearch>();

export const lastPlaces = {
  session: (project: ProjectId): SessionId | undefined => sessions.get(project),
  rememberSession: (project: ProjectId, session: SessionId): void => void sessions.set(project, session),
  board: (project: ProjectId): BoardSearch => boards.get(project) ?? {},
  rememberBoard: (project: ProjectId, search: BoardSearch): void => void boards.set(project, search),
};
