/** Opens a session's file; salvages the readable rows of a damaged one. Keeps M1 [F34]. */
import type { DatabaseSync } from "node:sqlite";
import type { Clock } from "@samovar/base";
import type { Row } from "@samovar/sqlite";
import { openOrSalvage } from "@samovar/sqlite";
import { MIGRATIONS } from "./migrations.ts";
import { readRow } from "./rows.ts";

export interface Salvage {
  /** Where the damaged file is now. */
  readonly movedTo: string;
  readonly reason: string;
  /** Messages that were read from it. */
  readonly saved: number;
}

export interface OpenedFile {
  readonly db: DatabaseSync;
  /** Null when the file was sound. */
  readonly salvage: Salvage | null;
}

const TABLES = [
  { name: "identity" },
  { name: "life", replaces: true },
  { name: "transcript" },
  { name: "dead_letter", isSound },
  { name: "outbox", isSound },
];

/** Throws when the file is in use by another process, or cannot be written. */
export function openSessionFile(path: string, clock: Clock): OpenedFile {
  const { db, salvage } = openOrSalvage(path, { migrations: MIGRATIONS, tables: TABLES, now: clock.now() });
  if (salvage === null) return { db, salvage };
  const { outbox = 0, dead_letter: deadLetters = 0 } = salvage.saved;
  return { db, salvage: { ...salvage, saved: outbox + deadLetters } };
}

function isSound(row: Row): boolean {
  try {
    readRow(row);
    return true;
  } catch {
    return false;
  }
}
