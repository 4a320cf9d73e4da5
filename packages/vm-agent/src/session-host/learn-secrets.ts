/** Learns by which digests the installation's other secrets are found in what the agent prints. Keeps S1. */
import type { Logger } from "@samovar/base";
import { secretDigests } from "@samovar/contracts";
import { type FetchPorts, fetchForWorkspace } from "./fetch-for-workspace.ts";
import type { SessionSecrets } from "./session-secrets.ts";

const DIGESTS = { path: "secret-digests", name: "the digests of secrets", schema: secretDigests };

/**
 * Call it before anything can print. Resolves when they are known, when the control plane refuses them, as an older one does
 * (then the session goes on without them), or when the session is stopped. Never throws.
 */
export async function learnSecrets(
  secrets: SessionSecrets,
  { log, ...ports }: FetchPorts & { readonly log: Logger },
): Promise<void> {
  const stopped = new Promise<null>((resolve) => {
    if (ports.signal.aborted) resolve(null);
    ports.signal.addEventListener("abort", () => resolve(null), { once: true });
  });
  const fetched = await Promise.race([fetchForWorkspace(DIGESTS, ports), stopped]);
  if (fetched === null) return;
  if (fetched.ok) secrets.addDigests(fetched.value);
  else log.warn("secrets.not_learned", { failure: fetched.error });
}
