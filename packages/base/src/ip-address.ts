/** IP addresses in text. */

/** The eight groups of an IPv6 address, without brackets or zone; null for anything else. */
export function parseIpv6(text: string): number[] | null {
  if (!/^[0-9a-f:.]{2,45}$/i.test(text) || !text.includes(":")) return null;
  const [before, after, ...rest] = text.split("::");
  const head = parseGroups(before ?? "");
  const tail = parseGroups(after ?? "");
  if (head === null || tail === null || rest.length > 0) return null;
  const missing = 8 - head.length - tail.length;
  if (after === undefined ? missing !== 0 : missing < 1) return null;
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

/** The four bytes of an IPv4 address in the usual form; null for anything else. */
export function parseIpv4(text: string): number[] | null {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return null;
  const bytes = text.split(".").map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : null;
}

/** The last group may be an IPv4 address. */
function parseGroups(text: string): number[] | null {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    const [a, b, c, d] = index === parts.length - 1 ? (parseIpv4(part) ?? []) : [];
    if (a !== undefined && b !== undefined && c !== undefined && d !== undefined) groups.push(a * 256 + b, c * 256 + d);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return groups;
}
