/** The order of projects: those that need attention, those with running tasks, then the most recently active. Pure. */
import type { ProjectView } from "@samovar/contracts";

type Ordered = Pick<ProjectView, "counts" | "lastActivityAt" | "updatedAt">;

export function sortProjects<T extends Ordered>(projects: readonly T[]): readonly T[] {
  return projects.toSorted(
    (a, b) =>
      Number(b.counts.attention > 0) - Number(a.counts.attention > 0) ||
      Number(b.counts.running > 0) - Number(a.counts.running > 0) ||
      lastChange(b) - lastChange(a),
  );
}

/** Creating or editing a project counts as activity. */
const lastChange = ({ lastActivityAt, updatedAt }: Ordered) => Math.max(lastActivityAt ?? 0, updatedAt);
