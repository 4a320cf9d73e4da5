/** Does something once the page has nothing better to do. The answer takes it back. */
export function runWhenIdle(run: () => void): () => void {
  if (typeof requestIdleCallback === "undefined") {
    const timer = setTimeout(run, 200);
    return () => clearTimeout(timer);
  }
  const handle = requestIdleCallback(run, { timeout: 1_000 });
  return () => cancelIdleCallback(handle);
}

/** By then what was asked for first is mostly there; nothing that may be wanted later is to compete with it. */
const FIRST_MS = 1_500;

/** Prefetches code once the initial content has loaded. Offline, the first use loads it instead. */
export function fetchAhead(load: () => Promise<unknown>): () => void {
  let cancel = () => {};
  const timer = setTimeout(() => {
    cancel = runWhenIdle(() => void load().catch(() => {}));
  }, FIRST_MS);
  return () => {
    clearTimeout(timer);
    cancel();
  };
}
