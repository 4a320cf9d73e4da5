/** The picture of the pool as bars, and as a table of hours for those who hear it. Pure. */
import type { Millis } from "@samovar/base";
import type { PoolBucket } from "@samovar/contracts";

/** From the ground up. */
export const POOL_KINDS = ["working", "warm", "booting"] as const;
export type PoolKind = (typeof POOL_KINDS)[number];

export interface Bar {
  readonly kind: PoolKind;
  /** The bucket's place. */
  readonly index: number;
  /** In nodes, from the bottom. */
  readonly bottom: number;
  readonly height: number;
}

export function toPoolBars(buckets: readonly PoolBucket[]): Bar[] {
  return buckets.flatMap((bucket, index) => {
    let bottom = 0;
    return POOL_KINDS.flatMap((kind) => {
      const height = bucket[kind];
      if (height === 0) return [];
      const bar = { kind, index, bottom, height };
      bottom += height;
      return [bar];
    });
  });
}

export const countNodes = ({ working, warm, booting }: PoolBucket): number => working + warm + booting;

export const getMaxNodes = (buckets: readonly PoolBucket[]): number =>
  buckets.reduce((most, bucket) => Math.max(most, countNodes(bucket)), 0);

const HOUR_MS = 3_600_000;

/** The most of each kind in each hour that had any node. */
export function toPoolHours(buckets: readonly PoolBucket[]): PoolBucket[] {
  const hours = Map.groupBy(buckets, ({ at }): Millis => Math.floor(at / HOUR_MS) * HOUR_MS);
  return [...hours].flatMap(([at, within]) => {
    const most = (kind: PoolKind) => within.reduce((all, bucket) => Math.max(all, bucket[kind]), 0);
    const hour = { at, working: most("working"), warm: most("warm"), booting: most("booting") };
    return countNodes(hour) === 0 ? [] : [hour];
  });
}
