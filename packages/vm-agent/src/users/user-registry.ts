/**
 * Which users are given to which workspaces, in one small SQLite file for all daemons of a computer: no two workspaces that exist
 * have the same one, and a restarted daemon finds them again. Users are given in turn, so that one is used again as late as possible.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/**
 * No system's own tool gives these: they are above the subordinate ids that `useradd` gives to the first thirty users, and below
 * what an archive of the oldest format can hold.
 */
export const WORKSPACE_IDS = { first: 2_000_001, last: 2_065_535 } as const;
/** Of no workspace: a trial uses it. */
export const TRIAL_ID = 2_000_000;

const BUSY_TIMEOUT_MS = 10_000;
const SCHEMA = `CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, directory TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE IF NOT EXISTS last_given (one INTEGER PRIMARY KEY CHECK (one = 1), id INTEGER NOT NULL) STRICT;`;

export interface Given {
  readonly id: number;
  /** The former workspace did not release it: its daemon has gone for good. Whatever it left is to be removed first. */
  readonly isLeftover: boolean;
}

export class UserRegistry {
  readonly #directory: string;

  /** `directory`: where the file is; made when it does not exist. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The user of the workspace in `workspace`, an absolute path; null when it has none. */
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
