/** The board of a project: its tasks by status, live. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { BoardView } from "../features/board/board-view.tsx";
import { BoardSkeleton } from "../features/board/board-skeleton.tsx";
import type { BoardSearch } from "../features/board/board-search.ts";
import { boardQuery } from "../api/board.ts";
import { useProject } from "../api/use-project.ts";
import { ErrorPanel } from "../features/errors/error-panel.tsx";
import { useTitle } from "../ui/use-title.ts";

export function Board() {
  const project = useProject();
  useTitle(`${project.name} board`);
  const board = useQuery(boardQuery(project.id));
  const search = useSearch({ from: "/signed-in/p/$project/board" });
  const navigate = useNavigate({ from: "/p/$project/board" });
  const onSearch = (next: BoardSearch) => void navigate({ search: next, replace: true });
  if (board.data !== undefined)
    return <BoardView key={project.id} project={project.id} board={board.data} search={search} onSearch={onSearch} />;
  if (!board.isError) return <BoardSkeleton />;
  return (
    <main aria-label="Board" className="p-4">
      <ErrorPanel what="Couldn't load tasks." error={board.error} onRetry={() => void board.refetch()} />
    </main>
  );
}
