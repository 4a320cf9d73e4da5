/** The order of the projects: those that need somebody, those that run, then those changed last. Pure. */
import type { ProjectView } from "@samovar/contracts";

type Ordered = Pick<ProjectView, "counts" | "updatedAt">;

export function byNeed<T extends Ordered>(projects: readonly T[]): readonly T[] {
  return projects.toSorted(
    (a, b) =>
      Number(b.counts.attention > 0) - Number(a.counts.attention > 0) ||
      Number(b.counts.running > 0) - Number(a.counts.running > 0) ||
      b.updatedAt - a.updatedAt,
  );
}
