/** Which hosts are on the public Internet, and which are this computer: by their names alone, without a look-up. */
import { parseIpv4, parseIpv6 } from "./ip-address.ts";

/** A URL's hostname that names this computer: `localhost` and names below it (RFC 6761, 6.3), `127.0.0.0/8` or `[::1]`. */
export function isLoopbackHost(hostname: string): boolean {
  return /(^|\.)localhost$/.test(hostname) || hostname === "[::1]" || parseIpv4(hostname)?.[0] === 127;
}

/** First address and prefix length of the IPv4 networks that are not on the Internet (IANA's special-purpose registry). */
const SPECIAL_NETWORKS = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const;
/** Names that only a local resolver knows (RFC 6761, 6762, 8375, and what clouds and routers use). */
const LOCAL_NAMES = /(^|\.)(localhost|localdomain|local|internal|intranet|lan|corp|home|home\.arpa)$/;

/**
 * Whether a host of a URL or of `git@host:path` may be on the Internet. Reads it as a browser would, so `0x7f.1`,
 * `2130706433`, `127.1` and `localhost.` are this computer. A public name may still have a private address: only a look-up shows that.
 */
export function isPublicHost(host: string): boolean {
  const hostname = normalize(host);
  if (hostname === null) return false;
  if (hostname.startsWith("[")) return isPublicIpv6(parseIpv6(hostname.slice(1, -1)));
  const bytes = parseIpv4(hostname);
  if (bytes !== null) return !SPECIAL_NETWORKS.some(([network, length]) => isWithin(bytes, network, length));
  return hostname.includes(".") && !LOCAL_NAMES.test(hostname);
}

/** Lower case, ASCII, IPv4 addresses in the usual form, no dot at the end; null for no host. */
function normalize(host: string): string | null {
  const url = `http://${host}/`;
  return URL.canParse(url) ? new URL(url).hostname.replace(/\.$/, "") : null;
}

function isWithin(bytes: readonly number[], network: string, length: number): boolean {
  return toNumber(bytes) >>> (32 - length) === toNumber(parseIpv4(network) ?? []) >>> (32 - length);
}

const toNumber = (bytes: readonly number[]): number => bytes.reduce((sum, byte) => sum * 256 + byte, 0);

/** Global unicast is `2000::/3`; within it, Teredo, documentation and 6to4 stand for other addresses. */
function isPublicIpv6(groups: readonly number[] | null): boolean {
  const [first = 0, second = 0] = groups ?? [];
  if (first < 0x2000 || first > 0x3fff) return false;
  return first !== 0x2002 && !(first === 0x2001 && (second === 0 || second === 0xdb8));
}
