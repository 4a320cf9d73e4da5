/** Hetzner's server types as offers that can boot one of the images. Pure. */
import type { Price } from "@samovar/contracts";
import type { Offer } from "../placement.ts";
import type { Image } from "./image.ts";
import type { HetznerServerType } from "./schemas.ts";

export interface HetznerOffer extends Offer {
  readonly image: Image["reference"];
}

/** A type is sold where it has a price; `locations`, if present, has details of each location. */
export function listOffers(
  types: readonly HetznerServerType[],
  images: readonly Image[],
  locations: readonly string[],
): readonly HetznerOffer[] {
  return types.flatMap((type) => {
    const image = images.find(({ needs }) => needs === null || fits(type, needs));
    if (image === undefined) return [];
    return type.prices
      .filter(({ location }) => locations.length === 0 || locations.includes(location))
      .map((price): HetznerOffer => {
        const place = type.locations.find(({ name }) => name === price.location);
        const isKnown = type.locations.length > 0;
        const isLeaving = type.deprecated === true || (place?.deprecation ?? null) !== null;
        return {
          serverType: type.name,
          location: price.location,
          cores: type.cores,
          memoryGb: type.memory,
          price: toPrice(price),
          available: !isLeaving && (isKnown ? place?.available === true : true),
          recommended: place?.recommended === true,
          image: image.reference,
        };
      });
  });
}

const fits = (type: HetznerServerType, needs: NonNullable<Image["needs"]>): boolean =>
  (type.architecture ?? needs.architecture) === needs.architecture && (type.disk ?? needs.diskGb) >= needs.diskGb;

/** Hetzner quotes all its prices in euros. */
export const toPrice = (price: HetznerServerType["prices"][number]): Price => ({
  amount: price.price_hourly.gross,
  currency: "EUR",
});
