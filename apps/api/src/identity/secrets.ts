/** Random tokens, kept as their SHA-256 only. Keeps S1. */
import { timingSafeEqual } from "node:crypto";
import type { Random } from "@samovar/base";

/** 32 random bytes, in base64url. */
export function randomToken(random: Random): string {
  return btoa(String.fromCharCode(...random.bytes(32)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** SHA-256 of the UTF-8, in hex. */
export async function sha256Hex(text: string): Promise<string> {
  return Array.from(await sha256(text), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Compares in a time that says nothing of where they differ, or of how long they are. */
export async function sameSecret(a: string, b: string): Promise<boolean> {
  return timingSafeEqual(await sha256(a), await sha256(b));
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
