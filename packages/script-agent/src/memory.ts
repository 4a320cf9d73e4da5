/**
 * What the agent remembers of a script that is under way, in a file of its HOME, so that it can be taken up again
 * after its process was killed. Gone as soon as the turn is over.
 */
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SessionUpdate } from "@agentclientprotocol/sdk";

/** A script that is not done. */
export interface Progress {
  /** The prompt that holds it. */
  readonly script: string;
  /** Steps that are over; the one after them may have begun. */
  readonly done: number;
  /** Sentences about steps that failed and were gone over. */
  readonly failures: readonly string[];
}

/** What a client may do with a session whose agent process has exited: resume it, load it, or neither. */
export type Recall = "resume" | "load" | "none";

export interface Memory {
  readonly recall: Recall;
  keep(sessionId: string, progress: Progress): void;
  /** For a session that can be loaded: its updates are stored too. */
  keepSaid(sessionId: string, update: SessionUpdate): void;
  /** Null for an unknown session, or one whose turn was over. */
  recallSession(sessionId: string): { readonly progress: Progress; readonly said: readonly SessionUpdate[] } | null;
  forget(sessionId: string): void;
  /** The process ends: from now on nothing is forgotten. */
  freeze(): void;
}

const SESSION_ID = /^[0-9a-f-]{36}$/;

/** `home`: null for an agent that remembers nothing. */
export function memoryIn(home: string | null, wish: string | undefined): Memory {
  const recall: Recall = home === null || wish === "none" ? "none" : wish === "load" ? "load" : "resume";
  let isFrozen = false;
  const directory = join(home ?? "", ".samovar-script-agent");
  const files = (sessionId: string) => ({
    progress: join(directory, `${sessionId}.json`),
    said: join(directory, `${sessionId}.said`),
  });
  return {
    recall,
    keep(sessionId, progress) {
      if (recall === "none") return;
      mkdirSync(directory, { recursive: true });
      const { progress: file } = files(sessionId);
      writeFileSync(`${file}.new`, JSON.stringify(progress));
      renameSync(`${file}.new`, file);
    },
    keepSaid(sessionId, update) {
      if (recall !== "load") return;
      mkdirSync(directory, { recursive: true });
      appendFileSync(files(sessionId).said, `${JSON.stringify(update)}\n`);
    },
    recallSession(sessionId) {
      if (recall === "none" || !SESSION_ID.test(sessionId)) return null;
      const progress = readProgress(files(sessionId).progress);
      return progress === null ? null : { progress, said: recall === "load" ? readSaid(files(sessionId).said) : [] };
    },
    forget(sessionId) {
      if (recall === "none" || isFrozen) return;
      for (const file of Object.values(files(sessionId))) rmSync(file, { force: true });
    },
    freeze() {
      isFrozen = true;
    },
  };
}

function readProgress(file: string): Progress | null {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    return isProgress(value) ? value : null;
  } catch {
    return null;
  }
}

function isProgress(value: unknown): value is Progress {
  if (typeof value !== "object" || value === null) return false;
  const { script, done, failures } = value as Partial<Record<keyof Progress, unknown>>;
  return typeof script === "string" && Number.isInteger(done) && Array.isArray(failures);
}

/** The last line may be half written. */
function readSaid(file: string): SessionUpdate[] {
  try {
    const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
    return lines.map((line): SessionUpdate => JSON.parse(line));
  } catch {
    return [];
  }
}
