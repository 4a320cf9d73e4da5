/** Chooses server types and locations from the provider's list, never from hard-coded data. Pure except for its ports. */
import { err, type Random, type Result } from "@samovar/base";
import type { Price, SizeOffer, VmSize } from "@samovar/contracts";
import type { ProviderFault } from "./provider.ts";
import type { Failure } from "./transport.ts";

/** A server type that the provider sells at a location. */
export interface Offer {
  readonly serverType: string;
  readonly location: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly price: Price;
  /** Whether the provider says that it has one. */
  readonly available: boolean;
  readonly recommended: boolean;
}

/** The minimum of a size. */
const MINIMUM: Record<VmSize, { readonly cores: number; readonly memoryGb: number }> = {
  small: { cores: 2, memoryGb: 4 },
  medium: { cores: 4, memoryGb: 8 },
  large: { cores: 8, memoryGb: 16 },
};

/** Offers that one creation tries. */
const MAX_PLACEMENTS = 8;

/**
 * Best first: available, then cheap, then recommended, then no larger than requested, then random, so that creations
 * spread over the locations.
 */
export function rankOffers<T extends Offer>(offers: readonly T[], size: VmSize, random: Random): readonly T[] {
  const { cores, memoryGb } = MINIMUM[size];
  return offers
    .filter((offer) => offer.cores >= cores && offer.memoryGb >= memoryGb)
    .map((offer) => ({ offer, cost: toCost(offer.price), lot: random.next() }))
    .toSorted(
      ({ offer: a, ...ofA }, { offer: b, ...ofB }) =>
        Number(b.available) - Number(a.available) ||
        ofA.cost - ofB.cost ||
        Number(b.recommended) - Number(a.recommended) ||
        a.cores - b.cores ||
        a.memoryGb - b.memoryGb ||
        ofA.lot - ofB.lot,
    )
    .map(({ offer }) => offer);
}

/** What a creation of this size would try first. */
export function toSizeOffer(offers: readonly Offer[], size: VmSize, random: Random): SizeOffer {
  const best = rankOffers(offers, size, random)[0];
  return {
    size,
    serverType: best?.serverType ?? null,
    cores: best?.cores ?? null,
    memoryGb: best?.memoryGb ?? null,
    pricePerHour: best?.price ?? null,
  };
}

/** Tries the best offers in turn while the answer is that none is free. `none` is the answer when there are no offers. */
export async function createAtFirstFree<O extends Offer, T>(
  ranked: readonly O[],
  attempt: (offer: O) => Promise<Result<T, Failure>>,
  none: ProviderFault,
): Promise<Result<T, Failure>> {
  let last: Result<T, Failure> = err({ fault: none, status: null, ambiguous: false });
  for (const offer of ranked.slice(0, MAX_PLACEMENTS)) {
    last = await attempt(offer);
    if (last.ok || last.error.ambiguous || last.error.fault.kind !== "capacity") return last;
  }
  return last;
}

/** An unreadable price sorts last. */
function toCost({ amount }: Price): number {
  const cost = Number(amount);
  return Number.isFinite(cost) ? cost : Number.MAX_VALUE;
}
