import { describe, expect, it } from "vitest";
import { openStoredText } from "../../lib/stored-text.ts";
import { aMessage, make } from "../../api/views.testing.ts";
import { createPlaces, nothingOpened, type Place } from "./places.ts";
import { getNeededFrom, findStart, type Opening } from "./start.ts";

const messages = Array.from({ length: 100 }, (_, index) => aMessage({ position: 900 + index, createdAt: index }));
const away: Place = {
  pinned: false,
  position: 940,
  offsetPx: 12,
  heightPx: 80,
  link: null,
  sizes: new Map(),
  opened: nothingOpened,
};
const opening = (fields: Partial<Opening>): Opening => ({
  messages,
  place: null,
  link: null,
  read: undefined,
  now: 1_000_000,
  windowPx: 900,
  ...fields,
});

describe("[R27] [R31] a transcript opens", () => {
  it("at its end, when it is new or was left there", () => {
    const end = { anchor: null, newFrom: null, target: null };
    expect(findStart(opening({}))).toEqual(end);
    expect(findStart(opening({ place: { ...away, pinned: true }, read: 1_000 }))).toEqual(end);
  });

  it("where it was left", () => {
    expect(findStart(opening({ place: away }))).toMatchObject({ anchor: { position: 940, offsetPx: 12 } });
    expect(getNeededFrom(away, null)).toBe(940);
    expect(getNeededFrom({ ...away, pinned: true }, null)).toBeNull();
  });

  it("at the message of the address, a third from the top, and only until one moved on from there", () => {
    expect(findStart(opening({ place: away, link: 12 }))).toMatchObject({
      anchor: { position: 12, offsetPx: -300 },
      target: 12,
    });
    expect(getNeededFrom(away, 12)).toBe(12);
    expect(findStart(opening({ place: { ...away, link: 12 }, link: 12 }))).toMatchObject({
      anchor: { position: 940 },
      target: null,
    });
  });

  it("at what came since the last visit", () => {
    expect(findStart(opening({ read: 950 }))).toMatchObject({ anchor: { position: 950 }, newFrom: 950 });
    expect(findStart(opening({ place: away, read: 950 }))).toMatchObject({ anchor: { position: 940 }, newFrom: 950 });
  });

  it("at its end when what is new came just now, never was read, or lies before what is there", () => {
    for (const fields of [{ read: 950, now: 51 }, { read: 0 }, { read: 1_000 }, { read: 12 }])
      expect(findStart(opening(fields))).toMatchObject({ anchor: null, newFrom: null });
  });
});

it("[R31] places outlive a reload, without what was measured; the oldest are forgotten", () => {
  const kept = new Map<string, string>();
  const storage = () => ({
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, text: string) => void kept.set(name, text),
    removeItem: (name: string) => void kept.delete(name),
  });
  const places = createPlaces(openStoredText("places", storage));
  const [first, last] = [make("ses"), make("ses")];
  places.remember(first, away);
  for (let n = 0; n < 19; n++) places.remember(make("ses"), away);
  places.remember(last, { ...away, sizes: new Map([["row", 50]]) });
  places.keep();
  const again = createPlaces(openStoredText("places", storage));
  expect(again.of(first)).toBeNull();
  expect(again.of(last)).toEqual(away);
});
