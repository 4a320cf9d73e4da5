/** Acts on a deployed Samovar as its owner, with a token that is revoked afterwards. */
import { systemClock, systemRandom, systemTimers } from "@samovar/base";
import { createClient } from "@samovar/cli/client/connect";
import type { SamovarClient } from "@samovar/cli/client/samovar-client";

const SYSTEM = { clock: systemClock, timers: systemTimers, random: systemRandom };

export async function withOwner<T>(
  { url, operatorSecret }: { readonly url: string; readonly operatorSecret: string },
  act: (client: SamovarClient) => Promise<T>,
): Promise<T> {
  const { apiToken, apiTokenId } = await createClient({ url, token: operatorSecret }, SYSTEM).setup();
  const client = createClient({ url, token: apiToken }, SYSTEM);
  try {
    return await act(client);
  } finally {
    await client.revokeApiToken(apiTokenId);
  }
}
