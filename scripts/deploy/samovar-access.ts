/** Acts on a deployed Samovar as its owner, with a token that is revoked afterwards. */
import { systemClock, systemRandom, systemTimers } from "@samovar/base";
import { createClient } from "@samovar/cli/client/connect";
import { CliError } from "@samovar/cli/client/errors";
import type { SamovarClient } from "@samovar/cli/client/samovar-client";
import type { SetupReply } from "@samovar/contracts";
import type { Waiting } from "./smoke-test.ts";

const SYSTEM = { clock: systemClock, timers: systemTimers, random: systemRandom };

export interface OwnerAccess {
  readonly url: string;
  readonly operatorSecret: string;
}

export async function withOwner<T>(
  access: OwnerAccess,
  { pause }: Waiting,
  act: (client: SamovarClient) => Promise<T>,
): Promise<T> {
  const { url } = access;
  const { apiToken, apiTokenId } = await setUp(access, pause);
  const client = createClient({ url, token: apiToken }, SYSTEM);
  try {
    return await act(client);
  } finally {
    await client.revokeApiToken(apiTokenId);
  }
}

const ATTEMPTS = 5;
const PAUSE_MS = 2_000;

/** Repeatable, and repeated: a Worker that was deployed a moment ago may be slow to answer. */
async function setUp({ url, operatorSecret }: OwnerAccess, pause: Waiting["pause"]): Promise<SetupReply> {
  const client = createClient({ url, token: operatorSecret }, SYSTEM);
  for (let attempt = 1; ; attempt++) {
    try {
      return await client.setup();
    } catch (error) {
      const isAnswer = error instanceof CliError && error.code !== null;
      if (isAnswer || attempt === ATTEMPTS) throw error;
      await pause(PAUSE_MS);
    }
  }
}
