/** The form or the question that is open over the board. */
import type { TaskId } from "@samovar/base";
import type { TaskView } from "@samovar/contracts";
import { useEffect } from "react";
import { useStore } from "zustand";
import { useProject } from "../../api/use-project.ts";
import { EditTask } from "../tasks/edit-task.tsx";
import { visibleText } from "../../lib/visible-text.ts";
import type { BoardMoves } from "./board-moves.ts";
import { CancelQuestion, DeleteQuestion } from "../tasks/task-questions.tsx";
import type { OpenedOverBoard } from "./use-board-actions.ts";

interface BoardDialogsProps {
  readonly opened: OpenedOverBoard;
  readonly moves: BoardMoves;
  readonly find: (id: TaskId | null) => TaskView | null;
}

export function BoardDialogs({ opened, moves, find }: BoardDialogsProps) {
  const cancelling = find(useStore(moves.store, (state) => state.asking));
  const { asked, close, context } = opened;
  const project = useProject();
  const task = find(asked?.id ?? null);
  const cancellingId = cancelling?.id ?? null;
  // The menu that led to the question is gone when it is answered with no: the card gets the focus back.
  useEffect(() => {
    if (cancellingId === null) return;
    return () => context.returnTo(cancellingId);
  }, [cancellingId, context]);
  if (cancelling !== null) {
    return (
      <CancelQuestion
        task={cancelling}
        onAnswer={(yes) => {
          context.follow(cancelling.id);
          moves.answer(yes);
        }}
      />
    );
  }
  if (task === null || asked === null) return null;
  if (asked.what === "edit") return <EditTask project={project} task={task} onClose={close} />;
  return (
    <DeleteQuestion
      task={task}
      onClose={close}
      onDeleted={() => {
        close();
        moves.announce(`Deleted “${visibleText(task.title)}”`);
      }}
    />
  );
}
