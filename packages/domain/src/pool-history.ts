/** How many nodes of the pool worked, waited or booted over time, from their recorded changes. Pure. */
import type { Millis, NodeId } from "@samovar/base";
import type { NodeStateName, PoolBucket } from "@samovar/contracts";

/** A node's state from `at` until its next change. */
export interface NodeChange {
  readonly nodeId: NodeId;
  readonly at: Millis;
  readonly state: NodeStateName;
  /** Running tasks. */
  readonly tasks: number;
}

export interface PoolSpan {
  readonly from: Millis;
  /** The present, until which the last change holds. */
  readonly until: Millis;
  readonly bucketMs: number;
}

type PoolKind = Exclude<keyof PoolBucket, "at">;

/** When a node had several states in a bucket, the highest weight counts. */
const WEIGHT: Readonly<Record<PoolKind, number>> = { booting: 1, warm: 2, working: 3 };

/** `changes` of one node are in order of time; the first may lie before `from`. */
export function getPoolBuckets(changes: readonly NodeChange[], { from, until, bucketMs }: PoolSpan): PoolBucket[] {
  const count = Math.ceil((until - from) / bucketMs);
  const buckets = Array.from({ length: count }, (_, index) => ({
    at: from + index * bucketMs,
    working: 0,
    warm: 0,
    booting: 0,
  }));
  for (const own of Map.groupBy(changes, ({ nodeId }) => nodeId).values()) {
    for (const [index, kind] of kindsByBucket(own, { from, until, bucketMs })) {
      const bucket = buckets[index];
      if (bucket !== undefined) bucket[kind]++;
    }
  }
  return buckets;
}

/** What one node counts as, in each bucket in which it existed. */
function kindsByBucket(changes: readonly NodeChange[], { from, until, bucketMs }: PoolSpan): Map<number, PoolKind> {
  const kinds = new Map<number, PoolKind>();
  for (const [index, change] of changes.entries()) {
    const kind = toPoolKind(change);
    const begin = Math.max(change.at, from);
    const end = Math.min(changes[index + 1]?.at ?? until, until);
    if (kind === null || end <= begin) continue;
    const last = Math.ceil((end - from) / bucketMs) - 1;
    for (let bucket = Math.floor((begin - from) / bucketMs); bucket <= last; bucket++) {
      const before = kinds.get(bucket);
      if (before === undefined || WEIGHT[kind] > WEIGHT[before]) kinds.set(bucket, kind);
    }
  }
  return kinds;
}

/** Null for a node that is being destroyed or drains without work. */
function toPoolKind({ state, tasks }: NodeChange): PoolKind | null {
  if (state === "provisioning") return "booting";
  if (state === "destroying" || state === "destroyed") return null;
  if (tasks > 0) return "working";
  return state === "draining" ? null : "warm";
}
