/** Gathers what comes between two frames into one commit, so that a flood of tokens costs one render a frame. */

export interface FrameBatch<T> {
  add(item: T): void;
  /** Commits at once what is gathered. */
  flush(): void;
  /** Drops what was not committed yet and takes nothing more. */
  stop(): void;
}

/** `schedule` runs its callback once, soon; the answer cancels it. */
export function createFrameBatch<T>(
  schedule: (run: () => void) => () => void,
  commit: (items: readonly T[]) => void,
): FrameBatch<T> {
  let gathered: T[] = [];
  let cancel: (() => void) | null = null;
  let stopped = false;
  const flush = () => {
    cancel?.();
    cancel = null;
    const items = gathered;
    gathered = [];
    if (items.length > 0) commit(items);
  };
  return {
    add(item) {
      if (stopped) return;
      gathered.push(item);
      cancel ??= schedule(flush);
    },
    flush,
    stop() {
      stopped = true;
      cancel?.();
      gathered = [];
    },
  };
}

/** The next animation frame; a hidden page gets none, so a timer stands by. */
export function nextFrame(run: () => void): () => void {
  const cancel = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  };
  const once = () => {
    cancel();
    run();
  };
  const frame = requestAnimationFrame(once);
  const timer = setTimeout(once, 250);
  return cancel;
}
