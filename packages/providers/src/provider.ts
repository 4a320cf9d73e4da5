/** What Samovar needs of a cloud. One contract suite runs over every implementation. */
import type { Millis, Result } from "@samovar/base";
import type { ProviderName, SizeOffer, VmSize } from "@samovar/contracts";

export interface ServerSpec {
  /** The idempotency key of creation, where the provider keeps names unique and where it does not. */
  readonly name: string;
  readonly size: VmSize;
  readonly userData: string;
  /** Must hold the installation's label; adoption after an ambiguous answer depends on it. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface Server {
  readonly id: string;
  readonly name: string;
  readonly status: "starting" | "running" | "off" | "deleting" | "unknown";
  readonly labels: Readonly<Record<string, string>>;
  readonly location: string | null;
  readonly createdAt: Millis;
  readonly pricePerHour: { readonly amount: string; readonly currency: string } | null;
}

export type ProviderFaultKind =
  | "unauthorized"
  | "quota"
  | "capacity"
  | "invalid"
  | "conflict"
  | "locked"
  | "rate_limited"
  | "unavailable";

export interface ProviderFault {
  readonly kind: ProviderFaultKind;
  /** The provider's own code, such as `resource_limit_exceeded`. */
  readonly code: string;
  /** The provider's reason and what a person can do about it. */
  readonly message: string;
  /** Whether the same call may succeed later by itself. */
  readonly retriable: boolean;
  readonly retryAfterMs: number | null;
}

export interface Provider {
  readonly name: ProviderName;
  /**
   * Creates the server behind the installation's firewall, or adopts the one of this name with the same labels (an earlier
   * answer was lost). The firewall has no inbound rules; it is created, found or repaired first.
   */
  createServer(spec: ServerSpec): Promise<Result<Server, ProviderFault>>;
  findServer(name: string): Promise<Result<Server | null, ProviderFault>>;
  getServer(id: string): Promise<Result<Server | null, ProviderFault>>;
  /** `gone` only when the provider says that it does not exist. */
  deleteServer(id: string): Promise<Result<"deleting" | "gone", ProviderFault>>;
  /** Every page, or a fault; never a part. */
  listServers(labels: Readonly<Record<string, string>>): Promise<Result<readonly Server[], ProviderFault>>;
  /** What each size would be if it were made now. */
  listSizes(): Promise<Result<readonly SizeOffer[], ProviderFault>>;
  /** The permissions that the token lacks, by the provider's names. Changes nothing. */
  listMissingPermissions(): Promise<Result<readonly string[], ProviderFault>>;
  /** Deletes what the installation's servers shared, such as their firewall; `in_use` while there are servers. */
  deleteSharedResources(): Promise<Result<"deleted" | "in_use", ProviderFault>>;
}

/** Labels on each server that we make. */
export const SERVER_LABELS = { installation: "samovar-installation", node: "samovar-node" } as const;
