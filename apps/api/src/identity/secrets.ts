/** Random tokens, kept as their SHA-256 only. Keeps S1. */
import { timingSafeEqual } from "node:crypto";
import type { Random } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";

/** 32 random bytes, in base64url. */
export function makeRandomToken(random: Random): string {
  return btoa(String.fromCharCode(...random.bytes(32)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** Compares in a time that says nothing of where they differ, or of how long they are. */
export function isSameSecret(a: string, b: string): boolean {
  const bytes = new TextEncoder();
  return timingSafeEqual(bytes.encode(sha256(a)), bytes.encode(sha256(b)));
}
