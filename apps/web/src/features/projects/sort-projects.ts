/** The order of the projects: those that need somebody, those that run, then those last active. Pure. */
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

/** A project that was just set up or edited is on somebody's mind as well. */
const lastChange = ({ lastActivityAt, updatedAt }: Ordered) => Math.max(lastActivityAt ?? 0, updatedAt);
