/** Which agents there are for a person, and whether each has what it needs. */
import type { UserId } from "@samovar/base";
import type { AgentView } from "@samovar/contracts";
import { AGENTS } from "@samovar/domain/agents";
import { hasCredential } from "../credentials/store.ts";
import type { Database } from "../database/index.ts";

export async function listAgents(db: Database, ownerId: UserId): Promise<AgentView[]> {
  return Promise.all(
    Object.values(AGENTS).map(async ({ description, credential, hint, recipe: { kind, name, program } }) => {
      const usable = credential === null || (await hasCredential(db, ownerId, credential));
      return {
        kind,
        name,
        description,
        builtIn: true,
        usable,
        hint: usable ? null : hint,
        credential,
        program,
        offers: null,
      };
    }),
  );
}
