/**
 * The last place on each view of a project, so that switching between them comes back to the same place. Kept as
 * long as the browser's tab, so that two tabs have a place each and a reload loses none.
 */
import type { ProjectId, SessionId } from "@samovar/base";
import { parseJson } from "@samovar/base";
import { projectId, sessionId } from "@samovar/contracts";
import { readBoardSearch, type BoardSearch } from "../board/board-search.ts";
import { openStoredText, type StoredText } from "../../lib/stored-text.ts";

const REMEMBERED = 50;

interface Place {
  readonly session?: SessionId;
  readonly board?: BoardSearch;
}

export interface LastPlaces {
  session(project: ProjectId): SessionId | undefined;
  rememberSession(project: ProjectId, session: SessionId): void;
  board(project: ProjectId): BoardSearch;
  rememberBoard(project: ProjectId, search: BoardSearch): void;
  /** The last visited project. */
  project(): ProjectId | undefined;
}

export function createLastPlaces(kept: StoredText): LastPlaces {
  const places = readPlaces(kept.read());
  const remember = (project: ProjectId, change: Place) => {
    const place = { ...places.get(project), ...change };
    places.delete(project);
    places.set(project, place);
    for (const oldest of places.keys()) {
      if (places.size <= REMEMBERED) break;
      places.delete(oldest);
    }
    kept.write(JSON.stringify([...places]));
  };
  return {
    session: (project) => places.get(project)?.session,
    rememberSession: (project, session) => remember(project, { session }),
    board: (project) => places.get(project)?.board ?? {},
    rememberBoard: (project, board) => remember(project, { board }),
    project: () => [...places.keys()].at(-1),
  };
}

/** Whatever is not understood is forgotten. */
function readPlaces(text: string): Map<ProjectId, Place> {
  const places = new Map<ProjectId, Place>();
  for (const entry of readList(text)) {
    if (!Array.isArray(entry)) continue;
    const [id, place]: readonly unknown[] = entry;
    const project = projectId.safeParse(id).data;
    if (project === undefined || typeof place !== "object" || place === null) continue;
    const session = "session" in place ? sessionId.safeParse(place.session).data : undefined;
    const board = "board" in place && typeof place.board === "object" ? { ...place.board } : null;
    places.set(project, {
      ...(session === undefined ? {} : { session }),
      ...(board === null ? {} : { board: readBoardSearch(board) }),
    });
  }
  return places;
}

function readList(text: string): readonly unknown[] {
  const value = parseJson(text);
  return Array.isArray(value) ? value : [];
}

export const lastPlaces = createLastPlaces(openStoredText("samovar.views", () => sessionStorage));
