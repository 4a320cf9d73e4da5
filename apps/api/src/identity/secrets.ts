/** Random tokens, kept as their SHA-256 only. Keeps S1. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Random } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";

/** 32 random bytes, in base64url. */
export const makeRandomToken = (random: Random): string => toBase64Url(random.bytes(32));

/** A one-way hash: 32 bytes in base64url, always the same for the same text. */
export const toSecret = (text: string): string => toBase64Url(createHash("sha256").update(text).digest());

const toBase64Url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

/** Compares in a time that says nothing of where they differ, or of how long they are. */
export function isSameSecret(a: string, b: string): boolean {
  const bytes = new TextEncoder();
  return timingSafeEqual(bytes.encode(sha256(a)), bytes.encode(sha256(b)));
}
