/** What the installation takes where neither task nor project says, and what its machines cost. */
import { createProject, type Price, type SizeOffer } from "@samovar/contracts";
import { queryOptions } from "@tanstack/react-query";
import { call } from "./api.ts";
import { settingsKey } from "./keys.ts";

const defaults = createProject.pick({ defaultAgent: true, defaultVmSize: true });

export const installationQuery = queryOptions({
  queryKey: [...settingsKey, "defaults"],
  queryFn: ({ signal }) => call("/settings", defaults, { signal }),
  staleTime: Number.POSITIVE_INFINITY,
});

/** `4 cores, 8 GB, €0.0119 an hour`; what is not known, and what costs nothing, is left out. */
export function offerWords({ cores, memoryGb, pricePerHour }: SizeOffer): string {
  return [
    cores === null ? null : `${cores} ${cores === 1 ? "core" : "cores"}`,
    memoryGb === null ? null : `${memoryGb} GB`,
    pricePerHour === null || Number(pricePerHour.amount) === 0 ? null : `${priceWords(pricePerHour)} an hour`,
  ]
    .filter((part) => part !== null)
    .join(", ");
}

export function priceWords({ amount, currency }: Price): string {
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency, maximumFractionDigits: 4 }).format(
      Number(amount),
    );
  } catch {
    // A currency that this browser does not know.
    return `${amount} ${currency}`;
  }
}
