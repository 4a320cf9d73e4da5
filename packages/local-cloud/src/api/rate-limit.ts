/** Hetzner's limit: a bucket of 3600 requests that gains one each second. */
import type { Millis } from "@samovar/base";

export const RATE_LIMIT = 3600;
const REFILL_MS = 1000;

export interface Bucket {
  readonly tokens: number;
  readonly at: Millis;
}

export interface Draw {
  readonly bucket: Bucket;
  readonly granted: boolean;
  readonly remaining: number;
  /** When the bucket is full again, in Unix seconds. */
  readonly fullAtSeconds: number;
}

export function draw(bucket: Bucket, now: Millis): Draw {
  const gained = Math.max(0, now - bucket.at) / REFILL_MS;
  const there = Math.min(RATE_LIMIT, bucket.tokens + gained);
  const granted = there >= 1;
  const tokens = granted ? there - 1 : there;
  return {
    bucket: { tokens, at: now },
    granted,
    remaining: Math.floor(tokens),
    fullAtSeconds: Math.ceil(now / 1000 + RATE_LIMIT - tokens),
  };
}
