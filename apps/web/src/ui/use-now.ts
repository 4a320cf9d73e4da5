/** The server's time, updated every `everyMs`. Hooks with the same period share one timer. */
import { useSyncExternalStore } from "react";
import { serverClock } from "../lib/server-clock.ts";

interface Ticker {
  readonly subscribe: (listener: () => void) => () => void;
  readonly read: () => number;
}

const tickers = new Map<number, Ticker>();

export function useNow(everyMs: number): number {
  const ticker = getTicker(everyMs);
  return useSyncExternalStore(ticker.subscribe, ticker.read, ticker.read);
}

function getTicker(everyMs: number): Ticker {
  const known = tickers.get(everyMs);
  if (known !== undefined) return known;
  const made = createTicker(everyMs);
  tickers.set(everyMs, made);
  return made;
}

function createTicker(everyMs: number): Ticker {
  const listeners = new Set<() => void>();
  let now = serverClock.now();
  let timer: ReturnType<typeof setInterval> | null = null;
  const tick = () => {
    now = serverClock.now();
    for (const listener of listeners) listener();
  };
  return {
    read: () => now,
    subscribe(listener) {
      listeners.add(listener);
      if (timer === null) {
        now = serverClock.now();
        timer = setInterval(tick, everyMs);
      }
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0 || timer === null) return;
        clearInterval(timer);
        timer = null;
      };
    },
  };
}
