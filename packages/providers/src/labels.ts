/** Labels that both providers can store. */
import type { ServerSpec } from "./provider.ts";
import { SERVER_LABELS } from "./provider.ts";

export type Labels = Readonly<Record<string, string>>;

/** A key or value that needs no quoting in a selector, and is short enough for every cloud. */
const USABLE = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** The first label that cannot be stored, as `key=value`; null when all can. */
export function findUnusableLabel(labels: Labels): string | null {
  const wrong = Object.entries(labels).find((pair) => !pair.every((part) => USABLE.test(part)));
  return wrong === undefined ? null : wrong.join("=");
}

export function hasLabels(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

export function isOfInstallation({ labels }: Pick<ServerSpec, "labels">, installationId: string): boolean {
  return labels[SERVER_LABELS.installation] === installationId;
}

/** Names the installation's firewall; a name is used once in each project or account. */
export const toFirewallName = (installationId: string): string => `samovar-${installationId}`;
