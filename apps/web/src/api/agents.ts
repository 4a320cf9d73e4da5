/** The agents that a person can choose. Apart from `settings.ts`, which the first page does not load. */
import { agentView, page } from "@samovar/contracts";
import { queryOptions } from "@tanstack/react-query";
import { api } from "./client.ts";
import { agentsKey } from "./query-keys.ts";

const agentPage = page(agentView);

export const agentsQuery = queryOptions({
  queryKey: agentsKey,
  queryFn: async ({ signal }) => (await api.call("GET /api/agents", agentPage, {}, { signal })).items,
});
