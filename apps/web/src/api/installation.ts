/** The defaults of the installation, for whatever neither the task nor the project sets. */
import { createProject } from "@samovar/contracts";
import { queryOptions } from "@tanstack/react-query";
import { api } from "./client.ts";
import { settingsKey } from "./query-keys.ts";

const defaults = createProject.pick({ defaultAgent: true, defaultVmSize: true });

export const installationQuery = queryOptions({
  queryKey: [...settingsKey, "defaults"],
  queryFn: ({ signal }) => api.call("GET /api/settings", defaults, {}, { signal }),
  staleTime: Number.POSITIVE_INFINITY,
});
