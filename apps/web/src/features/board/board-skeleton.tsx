/** Grey columns, until the first answer is there. */
import { After } from "../../ui/after.tsx";

const CARDS = [3, 2, 1, 2] as const;

export function BoardSkeleton() {
  return (
    <main aria-label="Board" className="flex min-h-0 flex-1 overflow-hidden px-4 pt-15">
      <After>
        <div role="status" aria-label="Loading tasks" className="flex w-full gap-3">
          {CARDS.map((count, column) => (
            <div key={column} className="flex w-full shrink-0 flex-col gap-2 rounded-lg bg-sidebar p-2 tablet:w-72">
              {Array.from({ length: count }, (_, card) => (
                <div key={card} className="skeleton h-18" />
              ))}
            </div>
          ))}
        </div>
      </After>
    </main>
  );
}
