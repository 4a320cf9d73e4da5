/** The board face of a project: its tasks by status. */
import { useQuery } from "@tanstack/react-query";
import { BoardColumn } from "../components/board/board-column.tsx";
import { columnsOf } from "../components/board/columns.ts";
import { tasksQuery } from "../data/queries.ts";
import { useProject } from "../data/use-project.ts";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { Skeleton } from "../ui/skeleton.tsx";
import { useTitle } from "../ui/use-title.ts";

export function Board() {
  const project = useProject();
  useTitle(`${project.name} board`);
  const tasks = useQuery(tasksQuery(project.id));
  if (tasks.isPending) return <Skeleton label="Reading the tasks" lines={[100, 80, 90]} className="p-6" />;
  if (tasks.data === undefined)
    return <ErrorPanel what="The tasks could not be read." error={tasks.error} onRetry={() => void tasks.refetch()} />;
  return (
    <main aria-label="Board" className="flex min-h-0 flex-1 gap-3 overflow-x-auto p-4">
      {columnsOf(tasks.data).map((column) => (
        <BoardColumn key={column.status} column={column} />
      ))}
    </main>
  );
}
