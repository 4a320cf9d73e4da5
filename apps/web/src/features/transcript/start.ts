/** Where a transcript opens: at the message of the address, where the reader was, at what is new, or at its end. Pure. */
import type { Millis } from "@samovar/base";
import type { MessageView } from "@samovar/contracts";
import type { Anchor, Place } from "./places.ts";

export interface Start {
  /** Null: at the end. */
  readonly anchor: Anchor | null;
  /** What is new begins at this position. */
  readonly newFrom: number | null;
  /** The message that the address asks for, shown for a moment. */
  readonly target: number | null;
}

export interface Opening {
  readonly messages: readonly MessageView[];
  readonly place: Place | null;
  /** The message of the address. */
  readonly link: number | null;
  /** How many messages had been read; undefined when none ever was. */
  readonly read: number | undefined;
  readonly now: Millis;
  readonly windowPx: number;
}

/** Shorter absences don't count as away. */
const AWAY_MS = 30_000;

export function findStart({ messages, place, link, read, now, windowPx }: Opening): Start {
  const newFrom = firstNew(messages, read, now);
  const third = (position: number): Anchor => ({ position, offsetPx: -Math.round(windowPx / 3), heightPx: 0 });
  if (link !== null && place?.link !== link) return { anchor: third(link), newFrom, target: link };
  if (place !== null && !place.pinned) return { anchor: place, newFrom, target: null };
  return { anchor: newFrom === null ? null : third(newFrom), newFrom, target: null };
}

/** What must be there before it can open, if that is before the newest. */
export function getNeededFrom(place: Place | null, link: number | null): number | null {
  if (link !== null && place?.link !== link) return link;
  return place === null || place.pinned ? null : place.position;
}

function firstNew(messages: readonly MessageView[], read: number | undefined, now: Millis): number | null {
  const first = messages[0];
  if (read === undefined || read === 0 || first === undefined || read <= first.position) return null;
  const fresh = messages[read - first.position];
  return fresh !== undefined && now - fresh.createdAt >= AWAY_MS ? read : null;
}
