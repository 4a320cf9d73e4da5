/** What a person may do about a connection that a project's egress policy refused. Pure. */
import { isLoopbackHost, parseIpv4, parseIpv6 } from "@samovar/base";
import type { EgressPolicy, ToolMetadata } from "@samovar/contracts";
import { egressHost } from "@samovar/contracts";
import { DEFAULT_EGRESS_HOSTS } from "./egress-hosts.ts";

/** The tool name under which a session host reports a refused connection. */
export const EGRESS_TOOL = "egress";

/** `host`: without brackets. */
export interface RefusedConnection {
  readonly host: string;
  readonly port: number;
}

/** Null when the notice is about something else. */
export function readRefusal(tool: Pick<ToolMetadata, "tool" | "target"> | null): RefusedConnection | null {
  if (tool?.tool !== EGRESS_TOOL || tool.target === null) return null;
  return splitTarget(tool.target.trim().toLowerCase());
}

/**
 * The entry that allows the connection: the host, with its port unless that is one of the web's. Null when there is none:
 * no policy opens loopback and link-local addresses, where the node's own services and the cloud's metadata are.
 */
export function toEgressEntry({ host, port }: RefusedConnection): string | null {
  const isIpv6 = host.includes(":");
  const name = isIpv6 ? `[${host}]` : host;
  const entry = egressHost.safeParse(WEB_PORTS.has(port) ? name : `${name}:${port}`);
  return entry.success && !isNeverAllowed(host) ? entry.data : null;
}

/**
 * `allowable`: by adding `entry`. `allowed`: the project allows it already, from its next session on. `none`: it allows no host
 * at all. `never`: no policy allows it.
 */
export type EgressPermission =
  | { readonly kind: "allowable"; readonly entry: string }
  | { readonly kind: "allowed" }
  | { readonly kind: "none" }
  | { readonly kind: "never" };

export function decideEgressPermission(policy: EgressPolicy, refused: RefusedConnection): EgressPermission {
  const entry = toEgressEntry(refused);
  if (entry === null) return { kind: "never" };
  if (policy.mode === "none") return { kind: "none" };
  const listed = policy.mode === "allow-list" ? [...policy.hosts, ...DEFAULT_EGRESS_HOSTS] : policy.hosts;
  return listed.some((each) => covers(each, refused)) ? { kind: "allowed" } : { kind: "allowable", entry };
}

/** Whether an entry of a policy names a loopback or link-local host, which it cannot open. */
export function isClosedEntry(entry: string): boolean {
  const target = splitTarget(/:\d+$/.test(entry) && !entry.endsWith("]") ? entry : `${entry}:443`);
  return target !== null && isNeverAllowed(target.host.replace(/^\*\./, ""));
}

const WEB_PORTS: ReadonlySet<number> = new Set([80, 443]);

/** `host:port`, where an IPv6 address may have brackets. */
function splitTarget(target: string): RefusedConnection | null {
  const [, host, port] = /^(.+):([1-9][0-9]{0,4})$/.exec(target) ?? [];
  if (host === undefined || port === undefined || Number(port) > 65_535) return null;
  return { host: host.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
}

function covers(entry: string, { host, port }: RefusedConnection): boolean {
  const [, name = entry, only] = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(entry) ?? [];
  if (only !== undefined && Number(only) !== port) return false;
  return name.startsWith("*.") ? host.endsWith(name.slice(1)) : name.replace(/^\[(.*)\]$/, "$1") === host;
}

function isNeverAllowed(host: string): boolean {
  const groups = parseIpv6(host);
  if (groups !== null) return isNeverAllowedIpv6(groups);
  const bytes = parseIpv4(host);
  return bytes === null ? isLoopbackHost(host.replace(/\.$/, "")) : isNeverAllowedIpv4(bytes);
}

/** This host, loopback and link-local (RFC 6890). */
const isNeverAllowedIpv4 = ([first, second]: readonly number[]): boolean =>
  first === 0 || first === 127 || (first === 169 && second === 254);

/** Unspecified, loopback, link-local, and IPv4 addresses in IPv6. */
function isNeverAllowedIpv6(groups: readonly number[]): boolean {
  const [high = 0, low = 0] = groups.slice(6);
  const isZero = (count: number) => groups.slice(0, count).every((group) => group === 0);
  if (isZero(7) && low <= 1) return true;
  if (isZero(6) || (isZero(5) && groups[5] === 0xffff)) return isNeverAllowedIpv4([high >> 8, high & 0xff]);
  return ((groups[0] ?? 0) & 0xffc0) === 0xfe80;
}
