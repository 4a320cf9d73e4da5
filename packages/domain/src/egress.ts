/**
 * Decides which connections leave a workspace's network. First by the name, before it is looked up, because a look-up of a
 * refused name would carry data out; then by each address of that one look-up. Pure. Keeps S1 [R50].
 */
import { isPublicHost, parseIpv4, parseIpv6 } from "@samovar/base";
import type { EgressPolicy } from "@samovar/contracts";
import { DEFAULT_EGRESS_HOSTS } from "./egress-hosts.ts";

export interface EgressTarget {
  /** As URLs have it: lower case, ASCII, no dot at the end, IPv4 in the usual form, IPv6 in brackets. */
  readonly host: string;
  readonly port: number;
}

export interface EgressRules {
  readonly policy: EgressPolicy;
  /** Of the repository's address; null for a path. Allowed in every mode, if it is public. */
  readonly repositoryHost: string | null;
  /** Never allowed. */
  readonly controlPlaneHost: string;
}

/** `not-listed`, `closed` and `private` depend on the project's policy; the others hold in every project. */
export type EgressRefusal = "not-listed" | "closed" | "private" | "forbidden" | "control-plane";

export type NameDecision =
  /** `isListed`: by the project's own list, so that its addresses may be those of a private network. */
  { readonly ok: true; readonly isListed: boolean } | { readonly ok: false; readonly reason: EgressRefusal };

export type AddressDecision =
  /** In the order of the look-up, at least one. */
  { readonly ok: true; readonly addresses: readonly string[] } | { readonly ok: false; readonly reason: EgressRefusal };

/** Addresses that no connection may have, whatever its name. */
export interface ReservedAddresses {
  /** The node's. Services that listen on all of them would take the connection for one of the node. */
  readonly own: readonly string[];
  readonly controlPlane: readonly string[];
}

const HOST_MAX_LENGTH = 253;

/** Null for what is no host or port. `host` is a name or an address; IPv6 with or without brackets. */
export function readEgressTarget(host: string, port: number): EgressTarget | null {
  const name = normalizeHost(parseIpv6(host) === null ? host : `[${host}]`);
  if (name === null || !Number.isInteger(port) || port < 1 || port > 65_535) return null;
  return { host: name, port };
}

/** As in `example.com:443` and `[2001:db8::1]:22`. Null for anything else. */
export function readAuthority(authority: string): EgressTarget | null {
  const [, host = "", port = ""] = /^(\[[^\]]*\]|[^:]*):(\d{1,5})$/.exec(authority) ?? [];
  return readEgressTarget(host, Number(port));
}

/** Whether the name may be looked up. An address is its own name. */
export function decideName(
  target: EgressTarget,
  { policy, repositoryHost, controlPlaneHost }: EgressRules,
): NameDecision {
  const literal = getLiteralAddress(target);
  if (literal !== null && classifyAddress(canonicalize(literal)) === "never") return refuse("forbidden");
  if (target.host === normalizeHost(controlPlaneHost)) return refuse("control-plane");
  const isListed = policy.mode !== "none" && policy.hosts.some((entry) => matchesEntry(entry, target));
  if (isListed || policy.mode === "open") return { ok: true, isListed };
  if (repositoryHost !== null && target.host === normalizeHost(repositoryHost)) return { ok: true, isListed };
  if (policy.mode === "none") return refuse("closed");
  const isDefault = DEFAULT_EGRESS_HOSTS.some((entry) => matchesEntry(entry, target));
  return isDefault ? { ok: true, isListed } : refuse("not-listed");
}

/** Which addresses of an allowed name may be connected to. Those that may not are left out. */
export function decideAddresses(
  found: readonly string[],
  { isListed }: { readonly isListed: boolean },
  reserved: ReservedAddresses,
): AddressDecision {
  const own = new Set(reserved.own.map(canonicalize));
  const controlPlane = new Set(reserved.controlPlane.map(canonicalize));
  const verdicts = found.map((address): EgressRefusal | null => {
    const canonical = canonicalize(address);
    if (canonical === null || own.has(canonical)) return "forbidden";
    if (controlPlane.has(canonical)) return "control-plane";
    const kind = classifyAddress(canonical);
    if (kind === "private") return isListed ? null : "private";
    return kind === "public" ? null : "forbidden";
  });
  const addresses = found.filter((_, index) => verdicts[index] === null);
  if (addresses.length > 0) return { ok: true, addresses };
  return refuse(verdicts.find((reason) => reason !== null) ?? "forbidden");
}

/** The address that a literal host is; null for a name. */
export function getLiteralAddress({ host }: EgressTarget): string | null {
  if (host.startsWith("[")) return host.slice(1, -1);
  return parseIpv4(host) === null ? null : host;
}

export const formatTarget = ({ host, port }: EgressTarget): string => `${host}:${port}`;

const REASONS: Readonly<Record<EgressRefusal, string>> = {
  "not-listed": "the project's egress allows only listed hosts",
  closed: "the project's egress is closed",
  private: "its address is in a private network, which only listed hosts may be in",
  forbidden: "workspaces never reach the node, its metadata service or its local network",
  "control-plane": "workspaces never reach Samovar's control plane",
};

/** A sentence for people and programs. */
export const describeRefusal = (target: EgressTarget, reason: EgressRefusal): string =>
  `Refused a connection to ${formatTarget(target)}: ${REASONS[reason]}.`;

/** Whether a change of the project's policy could allow it. */
export const isNegotiable = (reason: EgressRefusal): boolean =>
  reason === "not-listed" || reason === "closed" || reason === "private";

/** The host of a repository's address; null for a path. */
export function getRepositoryHost(repoUrl: string): string | null {
  const scp = /^[^@/:]+@([^:/]+):/.exec(repoUrl)?.[1];
  if (scp !== undefined) return scp;
  const host = URL.canParse(repoUrl) ? new URL(repoUrl).hostname : "";
  return host === "" ? null : host;
}

const refuse = (reason: EgressRefusal) => ({ ok: false, reason }) as const;

/** Null for what is no host. */
function normalizeHost(host: string): string | null {
  // Nothing that a URL would read as its user, port or path.
  if (host === "" || host.length > HOST_MAX_LENGTH + 2 || /[\s/\\?#@]|[^[]:[^\]]*$/.test(host)) return null;
  const url = `http://${host}/`;
  if (!URL.canParse(url)) return null;
  const name = new URL(url).hostname.replace(/\.$/, "");
  const isName = name.length <= HOST_MAX_LENGTH && !name.startsWith(".") && !name.includes("..");
  return name !== "" && isName ? name : null;
}

function matchesEntry(entry: string, target: EgressTarget): boolean {
  const [, wildcard, host = "", port] = /^(\*\.)?(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(entry) ?? [];
  if (port !== undefined && Number(port) !== target.port) return false;
  const name = normalizeHost(host);
  const literal = getLiteralAddress(target);
  if (wildcard !== undefined) return literal === null && name !== null && target.host.endsWith(`.${name}`);
  if (name === target.host) return true;
  const listed = name === null ? null : getLiteralAddress({ host: name, port: target.port });
  return literal !== null && listed !== null && canonicalize(literal) === canonicalize(listed);
}

/** The same text for the same address, without a mapping of IPv4; null for no address, and for one with a zone. */
function canonicalize(address: string): string | null {
  const bytes = parseIpv4(address);
  if (bytes !== null) return bytes.join(".");
  const groups = parseIpv6(address);
  if (groups === null) return null;
  const [high = 0, low = 0] = groups.slice(6);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) return [high >> 8, high & 255, low >> 8, low & 255].join(".");
  return groups.map((group) => group.toString(16)).join(":");
}

/** Metadata services outside the link-local networks, canonical: Azure, Alibaba, and AWS and Google over IPv6. */
const METADATA = new Set(["168.63.129.16", "100.100.100.200", "fd00:ec2:0:0:0:0:0:254", "fd20:ce:0:0:0:0:0:254"]);

/** `never`: loopback, link-local, multicast, metadata, and all else that is neither public nor a private network. */
function classifyAddress(canonical: string | null): "public" | "private" | "never" {
  if (canonical === null || METADATA.has(canonical)) return "never";
  const [a = 0, b = 0] = parseIpv4(canonical) ?? [];
  // RFC 1918, and RFC 6598 for carriers and overlay networks.
  if (a === 10 || (a === 172 && b >> 4 === 1) || (a === 192 && b === 168) || (a === 100 && b >> 6 === 1))
    return "private";
  const groups = parseIpv6(canonical);
  // RFC 4193.
  if (groups !== null && ((groups[0] ?? 0) & 0xfe00) === 0xfc00) return "private";
  return isPublicHost(groups === null ? canonical : `[${canonical}]`) ? "public" : "never";
}
