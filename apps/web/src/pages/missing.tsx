/** For an address of something that is not there, inside of the page. */
import type { ProjectId } from "@samovar/base";
import { Link } from "@tanstack/react-router";
import { getButtonClass } from "../ui/button.tsx";
import { useTitle } from "../ui/use-title.ts";

interface MissingProps {
  readonly what: "project" | "task";
  /** Where it would be. */
  readonly project?: ProjectId;
}

export function Missing({ what, project }: MissingProps) {
  const name = what === "task" ? "Task" : "Project";
  useTitle(`${name} not found`);
  const inside = (
    <div className="m-auto flex max-w-100 flex-col items-start gap-3 text-ui text-ink-2">
      <h1 className="text-page font-semibold text-ink">{name} not found</h1>
      <p>The address may be wrong, or the {what} was deleted.</p>
      {project === undefined ? (
        <Link to="/" className={getButtonClass("plain")}>
          Go to projects
        </Link>
      ) : (
        <Link to="/p/$project" params={{ project }} className={getButtonClass("plain")}>
          Go to project
        </Link>
      )}
    </div>
  );
  const className = "flex min-h-0 flex-1 overflow-y-auto p-6";
  return project === undefined ? (
    <main className={className}>{inside}</main>
  ) : (
    <div className={className}>{inside}</div>
  );
}
