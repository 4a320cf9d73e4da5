/** Money as people write it. */
import type { Price, SizeOffer } from "@samovar/contracts";

/** `$0.0119`; the plain amount and currency where the browser does not know the currency. */
export function formatMoney(amount: number | string, currency: string): string {
  try {
    const format = new Intl.NumberFormat("en", { style: "currency", currency, maximumFractionDigits: 4 });
    return format.format(Number(amount));
  } catch {
    return `${amount} ${currency}`;
  }
}

export const formatPrice = ({ amount, currency }: Price): string => formatMoney(amount, currency);

/** `4 cores, 8 GB, €0.0119 per hour`; leaves out what is unknown and what is free. */
export function formatSizeOffer({ cores, memoryGb, pricePerHour }: SizeOffer): string {
  return [
    cores === null ? null : `${cores} ${cores === 1 ? "core" : "cores"}`,
    memoryGb === null ? null : `${memoryGb} GB`,
    pricePerHour === null || Number(pricePerHour.amount) === 0 ? null : `${formatPrice(pricePerHour)} per hour`,
  ]
    .filter((part) => part !== null)
    .join(", ");
}
