/**
 * Labels as DigitalOcean's tags, and back: `key:value`. Tags may hold letters, digits, colons, dashes and underscores, and
 * two that differ in case alone are the same tag; so capitals, dots and underscores are written as `_` and two hex digits.
 */
import type { Labels } from "../labels.ts";

export const MAX_TAG_CHARS = 255;

export const toTag = (key: string, value: string): string => `${encode(key)}:${encode(value)}`;

export const toTags = (labels: Labels): readonly string[] =>
  Object.entries(labels).map(([key, value]) => toTag(key, value));

/** Leaves out tags that are no label's encoding: they belong to other programs. */
export function toLabels(tags: readonly string[]): Labels {
  return Object.fromEntries(
    tags.flatMap((tag) => {
      const [key = "", value = ""] = tag.split(":").map(decode);
      return toTag(key, value) === tag ? [[key, value]] : [];
    }),
  );
}

const encode = (text: string): string =>
  text.replace(/[^a-z0-9-]/g, (char) => `_${char.charCodeAt(0).toString(16).padStart(2, "0")}`);

const decode = (text: string): string =>
  text.replace(/_([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
