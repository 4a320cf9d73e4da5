/** Which server type where: read from the provider's own list, never written down. Pure but for the ports given. */
import type { Random } from "@samovar/base";
import type { Price, SizeOffer, VmSize } from "@samovar/contracts";
import type { HetznerServerType } from "./schemas.ts";

export interface Placement {
  readonly serverType: string;
  readonly location: string;
}

/** The least that a size gives. */
const MINIMUM: Record<VmSize, { readonly cores: number; readonly memoryGb: number }> = {
  small: { cores: 2, memoryGb: 4 },
  medium: { cores: 4, memoryGb: 8 },
  large: { cores: 8, memoryGb: 16 },
};

interface Offer extends Placement {
  readonly free: boolean;
  readonly recommended: boolean;
  readonly price: number;
  readonly cores: number;
  readonly memoryGb: number;
  readonly lot: number;
}

/**
 * Best first: said to be available, then cheap, then recommended, then no larger than asked, then by lot so that many
 * creations spread over the locations.
 */
export function listPlacements(
  types: readonly HetznerServerType[],
  size: VmSize,
  random: Random,
): readonly Placement[] {
  const { cores, memoryGb } = MINIMUM[size];
  return types
    .filter((type) => type.cores >= cores && type.memory >= memoryGb)
    .flatMap((type) => offersOf(type, random))
    .toSorted(
      (a, b) =>
        Number(b.free) - Number(a.free) ||
        a.price - b.price ||
        Number(b.recommended) - Number(a.recommended) ||
        a.cores - b.cores ||
        a.memoryGb - b.memoryGb ||
        a.lot - b.lot,
    )
    .map(({ serverType, location }) => ({ serverType, location }));
}

/** What a creation of this size would try first. */
export function toSizeOffer(types: readonly HetznerServerType[], size: VmSize, random: Random): SizeOffer {
  const best = listPlacements(types, size, random)[0];
  const type = types.find(({ name }) => name === best?.serverType);
  const price = type?.prices.find(({ location }) => location === best?.location);
  return {
    size,
    serverType: type?.name ?? null,
    cores: type?.cores ?? null,
    memoryGb: type?.memory ?? null,
    pricePerHour: price === undefined ? null : getPrice(price),
  };
}

/** Hetzner quotes all its prices in euros. */
export const getPrice = (price: HetznerServerType["prices"][number]): Price => ({
  amount: price.price_hourly.gross,
  currency: "EUR",
});

/** A type is sold where it has a price; `locations`, when given, tells more of each place. */
function offersOf(type: HetznerServerType, random: Random): Offer[] {
  return type.prices.map((price) => {
    const place = type.locations.find((location) => location.name === price.location);
    const known = type.locations.length > 0;
    const leaving = type.deprecated === true || (place?.deprecation ?? null) !== null;
    const amount = Number(price.price_hourly.gross);
    return {
      serverType: type.name,
      location: price.location,
      free: !leaving && (known ? place?.available === true : true),
      recommended: place?.recommended === true,
      price: Number.isFinite(amount) ? amount : Number.MAX_VALUE,
      cores: type.cores,
      memoryGb: type.memory,
      lot: random.next(),
    };
  });
}
