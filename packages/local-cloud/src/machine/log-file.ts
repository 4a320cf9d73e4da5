/** A log that processes write to by themselves (so that it outlives the cloud), kept within bounds from outside. */
import { appendFileSync, copyFileSync, mkdirSync, openSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";

const MAX_BYTES = 4 * 1024 * 1024;

export interface LogFile {
  /** A descriptor that appends; the caller closes it. */
  open(): number;
  line(text: string): void;
  /** Past the limit the text moves to `NAME.1`, and writers go on in an empty file. */
  bound(maxBytes?: number): void;
}

export function logFile(directory: string, name: string): LogFile {
  const path = join(directory, name);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return {
    open: () => openSync(path, "a", 0o600),
    line: (text) => appendFileSync(path, `${text}\n`, { mode: 0o600 }),
    bound(maxBytes = MAX_BYTES) {
      const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
      if (size <= maxBytes) return;
      copyFileSync(path, `${path}.1`);
      truncateSync(path);
    },
  };
}
