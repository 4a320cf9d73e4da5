/** The sizes as their provider sells them now. Asked seldom: prices change by the month. */
import type { Millis, UserId } from "@samovar/base";
import { VM_SIZES } from "@samovar/contracts";
import type { SizeOffer } from "@samovar/contracts";
import type { Deps } from "../deps.ts";
import { within } from "../within.ts";
import { ownersProvider } from "./provider.ts";

const FRESH_MS = 10 * 60_000;
/** A person waits for the page that shows them. */
const ANSWER_MS = 5_000;
const OWNERS_KEPT = 100;

interface Known {
  readonly offers: readonly SizeOffer[];
  readonly at: Millis;
}

/** What owners' providers said last; it is as good as asked again, and better than nothing while one is away. */
const known = new Map<UserId, Known>();

export async function sizesOf(deps: Deps, ownerId: UserId): Promise<readonly SizeOffer[]> {
  const now = deps.clock.now();
  const last = known.get(ownerId);
  if (last !== undefined && now - last.at < FRESH_MS && now >= last.at) return last.offers;
  const offers = await within(ANSWER_MS, askSizes(deps, ownerId)).catch(() => null);
  if (offers === null) return last?.offers ?? NOTHING_KNOWN;
  remember(ownerId, { offers, at: now });
  return offers;
}

const NOTHING_KNOWN: readonly SizeOffer[] = VM_SIZES.map((size) => ({
  size,
  serverType: null,
  cores: null,
  memoryGb: null,
  pricePerHour: null,
}));

/** Null when nobody can say. */
async function askSizes({ env, config, logger }: Deps, ownerId: UserId): Promise<readonly SizeOffer[] | null> {
  const provider = await ownersProvider(env, config, ownerId);
  const listed = (await provider?.listSizes()) ?? null;
  if (listed === null) return null;
  if (listed.ok) return listed.value;
  logger.warn("sizes.unknown", { code: listed.error.code, reason: listed.error.message });
  return null;
}

function remember(ownerId: UserId, entry: Known): void {
  known.delete(ownerId);
  const [oldest] = known.keys();
  if (known.size >= OWNERS_KEPT && oldest !== undefined) known.delete(oldest);
  known.set(ownerId, entry);
}
