/** Gets the stub of a project's object. */
import type { ProjectId } from "@samovar/base";
import type { Deps } from "../../deps.ts";

export function getProjectData({ env }: Pick<Deps, "env">, projectId: ProjectId) {
  return env.PROJECT_DATA.get(env.PROJECT_DATA.idFromName(projectId));
}
