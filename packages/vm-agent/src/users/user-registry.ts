/**
 * Records which workspace has which user, in one small SQLite file for all daemons of a computer: no two existing workspaces have the
 * same user, and a restarted daemon finds them again. Users are assigned in turn, so each is reused as late as possible.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/**
 * System tools do not assign these ids: they are above the subordinate ids that `useradd` gives to the first thirty users, and below
 * the limit of the oldest tar format.
 */
export const WORKSPACE_IDS = { first: 2_000_001, last: 2_065_535 } as const;
/** For trials; no workspace has it. */
export const TRIAL_ID = 2_000_000;

const BUSY_TIMEOUT_MS = 10_000;
const SCHEMA = `CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, directory TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE IF NOT EXISTS last_given (one INTEGER PRIMARY KEY CHECK (one = 1), id INTEGER NOT NULL) STRICT;`;

export interface Given {
  readonly id: number;
  /** The previous workspace did not release it, because its daemon is gone for good. Remove what it left first. */
  readonly isLeftover: boolean;
}

export class UserRegistry {
  readonly #directory: string;

  /** `directory`: where the file is; created if it does not exist. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The user of the workspace with this absolute path; null when it has none. */
  find(workspace: string): number | null {
    return this.#use((db) => findId(db, workspace));
  }

  /** The workspace's user, or a new one. Throws when all are in use. */
  give(workspace: string): Given {
    return this.#use((db) => {
      const known = findId(db, workspace);
      if (known !== null) return { id: known, isLeftover: false };
      const given = findFree(db);
      db.prepare("INSERT OR REPLACE INTO users (id, directory) VALUES (?, ?)").run(given.id, workspace);
      db.prepare("INSERT OR REPLACE INTO last_given (one, id) VALUES (1, ?)").run(given.id);
      return given;
    });
  }

  /** Records the owner of a workspace's files where the file of users was lost. False when another workspace has that user. */
  restore(workspace: string, id: number): boolean {
    return this.#use((db) => {
      const added = db.prepare("INSERT OR IGNORE INTO users (id, directory) VALUES (?, ?)").run(id, workspace);
      return Number(added.changes) === 1;
    });
  }

  /** Call when everything of the user is gone. */
  release(workspace: string): void {
    this.#use((db) => db.prepare("DELETE FROM users WHERE directory = ?").run(workspace));
  }

  /** Each use is short, because other daemons wait for it. */
  #use<T>(work: (db: DatabaseSync) => T): T {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const db = new DatabaseSync(join(this.#directory, "users.sqlite"), { timeout: BUSY_TIMEOUT_MS });
    try {
      db.exec("BEGIN IMMEDIATE");
      db.exec(SCHEMA);
      const result = work(db);
      db.exec("COMMIT");
      return result;
    } finally {
      db.close();
    }
  }
}

function findId(db: DatabaseSync, workspace: string): number | null {
  const id = db.prepare("SELECT id FROM users WHERE directory = ?").get(workspace)?.["id"];
  return typeof id === "number" ? id : null;
}

function findFree(db: DatabaseSync): Given {
  const last = db.prepare("SELECT id FROM last_given").get()?.["id"];
  const count = WORKSPACE_IDS.last - WORKSPACE_IDS.first + 1;
  const start = typeof last === "number" ? last - WORKSPACE_IDS.first + 1 : 0;
  const holder = db.prepare("SELECT directory FROM users WHERE id = ?");
  for (let step = 0; step < count; step++) {
    const id = WORKSPACE_IDS.first + ((start + step) % count);
    const directory = holder.get(id)?.["directory"];
    if (directory === undefined) return { id, isLeftover: false };
    if (!existsSync(String(directory))) return { id, isLeftover: true };
  }
  throw new Error("every user for workspaces is in use on this computer");
}
