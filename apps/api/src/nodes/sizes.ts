/** The node sizes with their provider's current prices, cached for a while because prices rarely change. */
import type { Millis, UserId } from "@samovar/base";
import { VM_SIZES } from "@samovar/contracts";
import type { ProviderName, SizeOffer } from "@samovar/contracts";
import type { Deps } from "../deps.ts";
import { within } from "../within.ts";
import { chooseOwnersProvider, findOwnersProvider } from "./provider.ts";

const FRESH_MS = 10 * 60_000;
/** Short, because a person waits for the page. */
const ANSWER_MS = 5_000;
const MAX_CACHED = 100;

interface Known {
  readonly offers: readonly SizeOffer[];
  readonly at: Millis;
}

/** Cached answers, by owner and provider; also used while a provider is unavailable. */
const known = new Map<string, Known>();

export async function listSizes(deps: Deps, ownerId: UserId): Promise<readonly SizeOffer[]> {
  const now = deps.clock.now();
  const name = await chooseOwnersProvider(deps.env, deps.config, ownerId);
  if (name === null) return UNKNOWN_SIZES;
  const key = `${ownerId} ${name}`;
  const last = known.get(key);
  if (last !== undefined && now - last.at < FRESH_MS && now >= last.at) return last.offers;
  const offers = await within(ANSWER_MS, requestSizes(deps, ownerId, name)).catch(() => null);
  if (offers === null) return last?.offers ?? UNKNOWN_SIZES;
  remember(key, { offers, at: now });
  return offers;
}

const UNKNOWN_SIZES: readonly SizeOffer[] = VM_SIZES.map((size) => ({
  size,
  serverType: null,
  cores: null,
  memoryGb: null,
  pricePerHour: null,
}));

/** Null without a provider, or if it does not answer. */
async function requestSizes(
  { env, config, logger }: Deps,
  ownerId: UserId,
  name: ProviderName,
): Promise<readonly SizeOffer[] | null> {
  const provider = await findOwnersProvider(env, config, ownerId, name);
  const listed = (await provider?.listSizes()) ?? null;
  if (listed === null) return null;
  if (listed.ok) return listed.value;
  logger.warn("sizes.request_failed", { code: listed.error.code, reason: listed.error.message });
  return null;
}

function remember(key: string, entry: Known): void {
  known.delete(key);
  const [oldest] = known.keys();
  if (known.size >= MAX_CACHED && oldest !== undefined) known.delete(oldest);
  known.set(key, entry);
}
