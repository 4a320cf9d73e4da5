/** Measures and cuts text without breaking it: UTF-8 bytes, JSON bytes, whole code points. Keeps M1 (what is cut is marked). */

/** Text plus how it ended up shorter. */
export interface CutText {
  readonly text: string;
  readonly cut: boolean;
}

/** UTF-8 bytes of well-formed text. */
export function utf8Bytes(text: string): number {
  let bytes = 0;
  for (let at = 0; at < text.length; at++) bytes += unitBytes(text.charCodeAt(at));
  return bytes;
}

/** Bytes of `text` inside a JSON string, without its quotes. */
export function jsonTextBytes(text: string): number {
  let bytes = 0;
  for (let at = 0; at < text.length; at++) bytes += jsonUnitBytes(text.charCodeAt(at));
  return bytes;
}

/** Bytes of a value's JSON. */
export const jsonBytes = (value: unknown): number => utf8Bytes(JSON.stringify(value));

/** The longest head of `text` with at most `maxBytes` UTF-8 bytes; never half a code point. */
export const headOfBytes = (text: string, maxBytes: number): string => text.slice(0, fit(text, 0, maxBytes, unitBytes));

/** The end of the longest run from `from` whose JSON takes at most `maxBytes`; never inside a code point. */
export const fitJson = (text: string, from: number, maxBytes: number): number =>
  fit(text, from, maxBytes, jsonUnitBytes);

/** The longest head whose JSON takes at most `maxBytes`. */
export function headOfJson(text: string, maxBytes: number): CutText {
  const end = fitJson(text, 0, maxBytes);
  return { text: text.slice(0, end), cut: end < text.length };
}

/** The start and the (longer) end of a text whose JSON takes at most `maxBytes`, with a line between them that says so. */
export function endsOfJson(text: string, maxBytes: number): CutText {
  if (jsonTextBytes(text) <= maxBytes) return { text, cut: false };
  const room = Math.max(0, maxBytes - 40);
  const head = fitJson(text, 0, Math.floor(room / 4));
  const tail = tailStart(text, room - Math.floor(room / 4), head);
  const left = utf8Bytes(text.slice(head, tail));
  return { text: `${text.slice(0, head)}\n… ${left} bytes cut …\n${text.slice(tail)}`, cut: true };
}

/** Text that every store keeps unchanged: well-formed UTF-16, with NUL shown as its picture. */
export const storable = (text: string): string => text.toWellFormed().replaceAll("\0", "\u2400");

export const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;

function fit(text: string, from: number, maxBytes: number, weigh: (unit: number) => number): number {
  let bytes = 0;
  let at = from;
  for (; at < text.length; at++) {
    bytes += weigh(text.charCodeAt(at));
    if (bytes > maxBytes) break;
  }
  const splitsPair = at > from && at < text.length && isHighSurrogate(text.charCodeAt(at - 1));
  return splitsPair ? at - 1 : at;
}

function tailStart(text: string, maxBytes: number, notBefore: number): number {
  let bytes = 0;
  let at = text.length;
  while (at > notBefore) {
    bytes += jsonUnitBytes(text.charCodeAt(at - 1));
    if (bytes > maxBytes) break;
    at--;
  }
  return at < text.length && isLowSurrogate(text.charCodeAt(at)) ? at + 1 : at;
}

/** A surrogate pair takes four bytes: two for each of its units. */
function unitBytes(unit: number): number {
  if (unit < 0x80) return 1;
  if (unit < 0x800) return 2;
  return unit >= 0xd800 && unit <= 0xdfff ? 2 : 3;
}

function jsonUnitBytes(unit: number): number {
  if (unit === 0x22 || unit === 0x5c) return 2;
  if (unit >= 0x20) return unitBytes(unit);
  return [0x08, 0x09, 0x0a, 0x0c, 0x0d].includes(unit) ? 2 : 6;
}
