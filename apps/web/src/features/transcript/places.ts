/**
 * Where a reader stands in each session, so that coming back, from the board or by a reload, comes back to the same
 * line. A place is a message and a distance from it: pixels from the top mean nothing once older messages join.
 */
import type { SessionId } from "@samovar/base";
import { parseJson } from "@samovar/base";
import * as z from "zod";
import { openStoredText, type StoredText } from "../../lib/stored-text.ts";

const keptPlace = z.object({
  /** Reading at the end: wherever that is by then. */
  pinned: z.boolean(),
  /** A message's position, and how far its row's top stands above the window's. */
  position: z.number(),
  offsetPx: z.number(),
  /** That row's height: a guess would put its end, not its top, where it was. */
  heightPx: z.number().default(0),
  /** The message that the address asked for when this place was taken. */
  link: z.number().nullable(),
});

export type Anchor = Pick<z.infer<typeof keptPlace>, "position" | "offsetPx" | "heightPx">;

export interface Place extends z.infer<typeof keptPlace> {
  /** Heights that were measured, by row; empty after a reload. */
  readonly sizes: ReadonlyMap<unknown, number>;
  /** What the reader opened and closed. */
  readonly opened: Opened;
}

export interface Opened {
  readonly all: boolean;
  readonly each: ReadonlyMap<string, boolean>;
}

export const nothingOpened: Opened = { all: false, each: new Map() };

export interface Places {
  readonly of: (session: SessionId) => Place | null;
  readonly remember: (session: SessionId, place: Place) => void;
  /** Writes down what a reload must find. */
  readonly keep: () => void;
}

const REMEMBERED = 20;

export function createPlaces(kept: StoredText): Places {
  const places = new Map<string, Place>(readKept(kept.read()));
  return {
    of: (session) => places.get(session) ?? null,
    remember(session, place) {
      places.delete(session);
      places.set(session, place);
      for (const oldest of places.keys()) {
        if (places.size <= REMEMBERED) return;
        places.delete(oldest);
      }
    },
    keep() {
      kept.write(JSON.stringify([...places].map(([session, place]) => [session, keptPlace.parse(place)])));
    },
  };
}

function readKept(text: string): readonly [string, Place][] {
  const read = z.array(z.tuple([z.string(), keptPlace])).safeParse(parseJson(text)).data ?? [];
  return read.map(([session, place]) => [session, { ...place, sizes: new Map(), opened: nothingOpened }]);
}

export const browserPlaces = createPlaces(openStoredText("samovar.places", () => sessionStorage));

if (typeof document !== "undefined")
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") browserPlaces.keep();
  });
