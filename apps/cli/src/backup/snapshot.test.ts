/** Snapshots of databases that a running process writes, one after the other, without a pause. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { freezeProcess } from "./freeze.ts";
import { takeSnapshot } from "./snapshot.ts";

/** Counts in every database in turn, so that at each instant they are in step: a ≥ b ≥ c ≥ a − 1. */
const WRITER = `
const { DatabaseSync } = require("node:sqlite");
const databases = ["a", "sub/b", "sub/c"].map((name) => {
  const database = new DatabaseSync(process.argv[1] + "/" + name + ".sqlite");
  database.exec("PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS count (n INTEGER, filler TEXT); INSERT INTO count VALUES (0, '')");
  return database.prepare("UPDATE count SET n = ?, filler = hex(randomblob(3000))");
});
for (let n = 1; ; n++) {
  for (const count of databases) count.run(n);
  if (n === 50) process.stdout.write("counting\\n");
}
`;

let directory = "";
let child: ChildProcess | null = null;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cli-backup-"));
  mkdirSync(join(directory, "state/sub"), { recursive: true });
});
afterEach(async () => {
  if (child !== null && child.exitCode === null && child.signalCode === null) {
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }
  child = null;
  rmSync(directory, { recursive: true, force: true });
});

async function startWriter(): Promise<ChildProcess> {
  const started = spawn(process.execPath, ["-e", WRITER, join(directory, "state")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  child = started;
  await once(started.stdout, "data");
  return started;
}

function readCounts(at: string): number[] {
  return ["a", "sub/b", "sub/c"].map((name) => {
    const database = new DatabaseSync(join(at, `${name}.sqlite`));
    const [row] = database.prepare("SELECT n FROM count").all();
    database.close();
    return Number(row?.["n"]);
  });
}

it("[R53] are from one instant over all databases, and lose no write that was committed before", async () => {
  const { pid = 0 } = await startWriter();
  let earlier = 0;
  for (let round = 0; round < 12; round++) {
    const to = join(directory, `copy-${round}`);
    mkdirSync(to);
    await takeSnapshot({ from: join(directory, "state"), writer: async () => pid }, to);
    const counts = readCounts(to);
    const [a = 0, , c = 0] = counts;
    expect(a - c, `round ${round}: ${counts}`).toBeLessThanOrEqual(1);
    expect(counts, `round ${round}`).toEqual(counts.toSorted((x, y) => y - x));
    expect(c, `round ${round}`).toBeGreaterThan(earlier);
    earlier = a;
    expect(readdirSync(to, { recursive: true }).filter((name) => /-(wal|shm)$/.test(String(name)))).toEqual([]);
  }
});

it("leave the writer running", async () => {
  const { pid = 0 } = await startWriter();
  const to = join(directory, "copy");
  mkdirSync(to);
  await takeSnapshot({ from: join(directory, "state"), writer: async () => pid }, to);
  const [before = 0] = readCounts(join(directory, "state"));
  await vi.waitFor(() => expect(readCounts(join(directory, "state"))[0]).toBeGreaterThan(before));
});

it("continue the writer when the backup itself is killed", async () => {
  const { pid = 0 } = await startWriter();
  const freezing = `import { freezeProcess } from ${JSON.stringify(join(import.meta.dirname, "freeze.ts"))};
    await freezeProcess(${pid}); process.stdout.write("frozen\\n"); setInterval(() => {}, 1e6);`;
  const backup = spawn(process.execPath, ["--input-type=module", "-e", freezing], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(backup.stdout, "data");
  const still = readCounts(join(directory, "state"));
  expect(readCounts(join(directory, "state"))).toEqual(still);
  backup.kill("SIGKILL");
  await vi.waitFor(() => expect(readCounts(join(directory, "state"))[0]).toBeGreaterThan(still[0] ?? 0));
});

it("begin again when the writer is replaced by another", async () => {
  const first = await startWriter();
  const to = join(directory, "copy");
  mkdirSync(to);
  const pids: number[] = [];
  const writer = async () => {
    // The first writer is killed while it stands still, as when Samovar is restarted.
    if (pids.length === 1) {
      const exited = once(first, "exit");
      first.kill("SIGKILL");
      await exited;
      await startWriter();
    }
    pids.push(child?.pid ?? 0);
    return child?.pid ?? null;
  };
  await takeSnapshot({ from: join(directory, "state"), writer }, to);
  expect(new Set(pids).size).toBe(2);
  const [a = 0, , c = 0] = readCounts(to);
  expect(a - c).toBeLessThanOrEqual(1);
});

it("take files that appear and leave out files that go", async () => {
  const state = join(directory, "state");
  writeFileSync(join(state, "gone"), "1");
  writeFileSync(join(state, "x.sqlite-shm"), "1");
  const to = join(directory, "copy");
  mkdirSync(to);
  let asked = 0;
  const writer = async () => {
    if (asked++ === 0) {
      rmSync(join(state, "gone"));
      writeFileSync(join(state, "sub/new"), "2");
    }
    return null;
  };
  await takeSnapshot({ from: state, writer }, to);
  expect(readdirSync(to, { recursive: true }).map(String).toSorted()).toEqual(["sub", "sub/new"]);
});

it("refuse a damaged database instead of backing it up", async () => {
  writeFileSync(
    join(directory, "state/a.sqlite"),
    "this is no database, but long enough to be read as one".repeat(100),
  );
  const to = join(directory, "copy");
  mkdirSync(to);
  await expect(takeSnapshot({ from: join(directory, "state"), writer: async () => null }, to)).rejects.toThrow(
    "The database a.sqlite is damaged",
  );
});

it("say what to do about a process that cannot be paused", async () => {
  const gone = spawn("true");
  await once(gone, "exit");
  await expect(freezeProcess(gone.pid ?? 0)).rejects.toMatchObject({ hint: expect.stringContaining("stop Samovar") });
});
