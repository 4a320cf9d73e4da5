/** Puts a project away, or brings it back. */
import type { ProjectView } from "@samovar/contracts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { patchProject } from "../../api/commands.ts";
import { projectKey, projectsKey } from "../../api/query-keys.ts";

export function useArchive(project: ProjectView) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => patchProject(project.id, { archived: project.archivedAt === null }),
    onSuccess: async (next) => {
      client.setQueryData(projectKey(next.id), next);
      await client.invalidateQueries({ queryKey: projectsKey });
    },
  });
}
