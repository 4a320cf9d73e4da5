/** The node sizes with their provider's current prices, cached for a while because prices rarely change. */
import type { Millis, UserId } from "@samovar/base";
import { VM_SIZES } from "@samovar/contracts";
import type { SizeOffer } from "@samovar/contracts";
import type { Deps } from "../deps.ts";
import { within } from "../within.ts";
import { findOwnersProvider } from "./provider.ts";

const FRESH_MS = 10 * 60_000;
/** Short, because a person waits for the page. */
const ANSWER_MS = 5_000;
const MAX_CACHED_OWNERS = 100;

interface Known {
  readonly offers: readonly SizeOffer[];
  readonly at: Millis;
}

/** The last answers of owners' providers, also used while a provider is unavailable. */
const known = new Map<UserId, Known>();

export async function listSizes(deps: Deps, ownerId: UserId): Promise<readonly SizeOffer[]> {
  const now = deps.clock.now();
  const last = known.get(ownerId);
  if (last !== undefined && now - last.at < FRESH_MS && now >= last.at) return last.offers;
  const offers = await within(ANSWER_MS, requestSizes(deps, ownerId)).catch(() => null);
  if (offers === null) return last?.offers ?? UNKNOWN_SIZES;
  remember(ownerId, { offers, at: now });
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
async function requestSizes({ env, config, logger }: Deps, ownerId: UserId): Promise<readonly SizeOffer[] | null> {
  const provider = await findOwnersProvider(env, config, ownerId);
  const listed = (await provider?.listSizes()) ?? null;
  if (listed === null) return null;
  if (listed.ok) return listed.value;
  logger.warn("sizes.request_failed", { code: listed.error.code, reason: listed.error.message });
  return null;
}

function remember(ownerId: UserId, entry: Known): void {
  known.delete(ownerId);
  const [oldest] = known.keys();
  if (known.size >= MAX_CACHED_OWNERS && oldest !== undefined) known.delete(oldest);
  known.set(ownerId, entry);
}
