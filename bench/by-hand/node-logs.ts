/**
 * Reads the logs of the local nodes. A session host's log is deleted with its workspace, so this opens it early:
 * an open file can be read to its end even after its removal.
 */
import { open, readdir, readFile, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { type LogLine, logLine } from "./marks.ts";

const LOOK_EVERY_MS = 25;

/** Opens the log of the next session that starts; one at a time. */
export class HostLog {
  readonly #dataDir: string;
  readonly #stopping = new AbortController();
  readonly #found: Promise<FileHandle | null>;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
    this.#found = this.#find();
  }

  /** All lines, once the session has ended; empty when no host was started. */
  async lines(): Promise<LogLine[]> {
    this.#stopping.abort();
    const file = await this.#found;
    if (file === null) return [];
    const text = await file.readFile("utf8");
    await file.close();
    return parseLines(text);
  }

  async #find(): Promise<FileHandle | null> {
    for (; !this.#stopping.signal.aborted; await setTimeout(LOOK_EVERY_MS)) {
      for (const path of await hostLogs(this.#dataDir)) {
        const file = await open(path).catch(() => null);
        if (file !== null) return file;
      }
    }
    return null;
  }
}

/** Log lines of all daemons that contain one of these ids. */
export async function daemonLines(dataDir: string, ids: readonly string[]): Promise<LogLine[]> {
  const logs = join(dataDir, "vm/log");
  const texts = await Promise.all(
    (await readdir(logs)).map((server) => readFile(join(logs, server, "samovar-agent.log"), "utf8").catch(() => "")),
  );
  const isWanted = (line: string) => ids.some((id) => line.includes(id));
  return parseLines(
    texts
      .flatMap((text) => text.split("\n"))
      .filter(isWanted)
      .join("\n"),
  );
}

async function hostLogs(dataDir: string): Promise<string[]> {
  const servers = join(dataDir, "vm/vm");
  const found: string[] = [];
  for (const server of await readdir(servers).catch(() => [])) {
    const workspaces = join(servers, server, "var/lib/samovar/w");
    for (const place of await readdir(workspaces).catch(() => []))
      found.push(join(workspaces, place, "session/host.log"));
  }
  return found;
}

/** Skips lines that are not JSON. */
function parseLines(text: string): LogLine[] {
  return text.split("\n").flatMap((line) => {
    if (!line.startsWith("{")) return [];
    const parsed = logLine.safeParse(JSON.parse(line));
    return parsed.success ? [parsed.data] : [];
  });
}
