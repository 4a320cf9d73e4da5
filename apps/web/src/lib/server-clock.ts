/** The server's time as this page knows it, so that "running for 2 min" does not depend on this computer's clock. */

export interface ServerClock {
  /** The server's time in Unix milliseconds; the local time until a response has arrived. */
  now(): number;
  /** Takes an HTTP `Date` header. Its seconds are whole, so differences below two seconds are ignored. */
  learn(date: string | null): void;
}

export function createServerClock(localNow: () => number): ServerClock {
  let offsetMs = 0;
  return {
    now: () => localNow() + offsetMs,
    learn(date) {
      const serverNow = date === null ? Number.NaN : Date.parse(date);
      if (Number.isNaN(serverNow)) return;
      const difference = serverNow - localNow();
      offsetMs = Math.abs(difference) < 2000 ? 0 : difference;
    },
  };
}

export const serverClock = createServerClock(() => Date.now());
