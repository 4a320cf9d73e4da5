/** Times as people say them. Durations in milliseconds, moments in Unix milliseconds. */
import type { Millis } from "@samovar/base";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `0.4 s`, `12 s`, `3 min 05 s`, `2 h 04 min`. Never negative. */
export function formatDuration(durationMs: number): string {
  const ms = Math.max(0, durationMs);
  if (ms < 10 * SECOND) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ${two(Math.floor((ms % MINUTE) / SECOND))} s`;
  return `${Math.floor(ms / HOUR)} h ${two(Math.floor((ms % HOUR) / MINUTE))} min`;
}

const UNITS = [
  ["day", DAY],
  ["hour", HOUR],
  ["minute", MINUTE],
  ["second", SECOND],
] as const;

/** A configured length of time: `30 minutes`, `4 hours`, `90 minutes`. In the largest unit that it is whole in. */
export function formatSpan(durationMs: number): string {
  const [unit, length] = UNITS.find(([, each]) => durationMs >= each && durationMs % each === 0) ?? ["second", SECOND];
  return new Intl.NumberFormat("en", { style: "unit", unit, unitDisplay: "long" }).format(durationMs / length);
}

const two = (n: number) => String(n).padStart(2, "0");

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const dayAndMonth = new Intl.DateTimeFormat("en", { day: "numeric", month: "short" });
const full = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** `just now`, `4 min. ago`, `yesterday`, `3 Nov`. */
export function formatAgo(at: Millis, now: Millis): string {
  const age = Math.max(0, now - at);
  if (age < 45 * SECOND) return "just now";
  if (age < HOUR) return relative.format(-Math.max(1, Math.round(age / MINUTE)), "minute");
  if (age < DAY) return relative.format(-Math.round(age / HOUR), "hour");
  if (age < 7 * DAY) return relative.format(-Math.round(age / DAY), "day");
  return dayAndMonth.format(at);
}

export const formatMoment = (at: Millis): string => full.format(at);
export const formatClock = (at: Millis): string => clock.format(at);
