/** The project that a component stands in. */
import { invariant } from "@samovar/base";
import type { ProjectView } from "@samovar/contracts";
import { createContext, use } from "react";

export const ProjectContext = createContext<ProjectView | null>(null);

export function useProject(): ProjectView {
  const project = use(ProjectContext);
  invariant(project !== null, "a page of a project is shown outside of it");
  return project;
}
