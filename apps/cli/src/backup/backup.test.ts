import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { testContext } from "../commands/context.testing.ts";
import { loadSecrets, openDataDirectory, readSecrets } from "../up/data-directory.ts";
import { backUp } from "./back-up.ts";
import { restore } from "./restore.ts";

let directory = "";
let original = "";
let file = "";
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "cli-backup-"));
  original = join(directory, "original");
  file = join(directory, "backup.tar.gz");
  const opened = await openDataDirectory(original);
  await loadSecrets(opened);
  await opened.lock.release();
  mkdirSync(join(original, "state/d1"), { recursive: true });
  const database = new DatabaseSync(join(original, "state/d1/x.sqlite"));
  database.exec("CREATE TABLE tea (name TEXT); INSERT INTO tea VALUES ('oolong')");
  database.close();
  writeFileSync(join(original, "logs/samovar.log"), "not for a backup");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const into = (name: string) => join(directory, name);
const contextFor = (dataDir: string) => testContext({ dataDir, json: true, cwd: directory });
const back = () => backUp(file, contextFor(original));
const restoreTo = (dataDir: string, takeOver = false, from = file) => restore(from, { takeOver }, contextFor(dataDir));

/** Changes a backup as somebody could who has it. */
function repack(change: (at: string) => void): void {
  const at = into("repack");
  mkdirSync(at);
  execFileSync("tar", ["-xzf", file, "-C", at]);
  change(at);
  execFileSync("tar", ["-czf", file, "-C", at, "."]);
  rmSync(at, { recursive: true });
}
const editManifest = (at: string, change: Record<string, unknown>) => {
  const path = join(at, "manifest.json");
  const before = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  writeFileSync(path, JSON.stringify({ ...before, ...change }));
};

describe("a backup", () => {
  it("[R53] restores what was stored, and nothing else", async () => {
    expect(await back()).toBe(0);
    expect(await restoreTo(into("copy"))).toBe(0);
    const database = new DatabaseSync(join(into("copy"), "state/d1/x.sqlite"));
    expect(database.prepare("SELECT name FROM tea").all()).toEqual([{ name: "oolong" }]);
    database.close();
    expect(existsSync(join(into("copy"), "logs"))).toBe(false);
    expect(existsSync(join(original, "backup"))).toBe(false);
  });

  it("[S1] is readable only by its owner, as is what is restored from it", async () => {
    await back();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await restoreTo(into("copy"));
    expect(statSync(into("copy")).mode & 0o777).toBe(0o700);
    expect(statSync(join(into("copy"), "secrets.json")).mode & 0o777).toBe(0o600);
  });

  it("replaces no file, and leaves no half of one", async () => {
    writeFileSync(file, "precious");
    await expect(back()).rejects.toThrow("exists already");
    expect(readFileSync(file, "utf8")).toBe("precious");
    await expect(backUp(into("no/such/place"), contextFor(original))).rejects.toThrow("does not exist");
    await expect(backUp(into("other"), contextFor(into("nowhere")))).rejects.toThrow("There is no Samovar in");
  });

  it("[N1] becomes a copy with its own identity: other servers, other tokens, the same stored credentials", async () => {
    await back();
    await restoreTo(into("copy"));
    const [was, is] = [await readSecrets(original), await readSecrets(into("copy"))];
    if (was === null || is === null) throw new Error("both have secrets");
    expect(is.credentialsKey).toBe(was.credentialsKey);
    for (const name of ["installationId", "operatorSecret", "cloudToken"] as const)
      expect(is[name]).not.toBe(was[name]);
    expect(is.signingKey.d).not.toBe(was.signingKey.d);
    expect(is.restoredAt).toBeGreaterThan(0);
  });

  it("[N1] takes the original's place only when told to, and refuses its nodes even then", async () => {
    await back();
    await restoreTo(into("heir"), true);
    const [was, is] = [await readSecrets(original), await readSecrets(into("heir"))];
    expect(is?.installationId).toBe(was?.installationId);
    expect(is?.signingKey.d).not.toBe(was?.signingKey.d);
    expect(is?.previousSigningKey).toBeUndefined();
  });

  it("is restored into an empty directory only", async () => {
    await back();
    await expect(restoreTo(original)).rejects.toThrow("is not empty");
    expect(existsSync(join(original, "secrets.json"))).toBe(true);
  });

  it("is not started from before all of it is in its place", async () => {
    mkdirSync(into("half"));
    mkdirSync(join(into("half"), "restore.partial"));
    await expect(openDataDirectory(into("half"))).rejects.toThrow("did not finish");
  });
});

describe("restoring refuses", () => {
  const refuses = async (message: string) => {
    await expect(restoreTo(into("copy"))).rejects.toThrow(message);
    // Nothing is left that could be started.
    expect(existsSync(join(into("copy"), "secrets.json"))).toBe(false);
    expect(existsSync(join(into("copy"), "state"))).toBe(false);
    expect(existsSync(join(into("copy"), "restore.partial"))).toBe(false);
  };
  beforeEach(back);

  it("a newer format", async () => {
    repack((at) => editManifest(at, { version: 2, files: "in another form" }));
    await refuses("has the format 2; this Samovar reads up to 1");
  });

  it("data of a newer Samovar", async () => {
    repack((at) => editManifest(at, { migrations: ["9999_later.sql"] }));
    await refuses("made by a newer Samovar");
  });

  it("a file that is not what was backed up", async () => {
    repack((at) => writeFileSync(join(at, "state/d1/x.sqlite"), "something else"));
    await refuses("state/d1/x.sqlite is not what was backed up");
  });

  it("a file that is missing, and one too many", async () => {
    repack((at) => rmSync(join(at, "state/d1/x.sqlite")));
    await refuses("state/d1/x.sqlite is missing");
    repack((at) => writeFileSync(join(at, "state/more"), ""));
    await refuses("state/more, which its manifest does not name");
  });

  it("a link in place of a file", async () => {
    repack((at) => {
      rmSync(join(at, "state/d1/x.sqlite"));
      symlinkSync("/etc/passwd", join(at, "state/d1/x.sqlite"));
    });
    await refuses("which its manifest does not name");
  });

  it.each([
    ["cut off", (whole: Buffer) => whole.subarray(0, Math.floor(whole.length / 2))],
    ["changed in one byte", (whole: Buffer) => flip(whole)],
    ["of another kind", () => gzipSync("tea")],
    ["not compressed", (whole: Buffer) => gunzipSync(whole)],
    ["empty", () => Buffer.alloc(0)],
  ])("a file that is %s", async (_what, change) => {
    writeFileSync(file, change(readFileSync(file)));
    await expect(restoreTo(into("copy"))).rejects.toThrow(/backup is damaged|no backup of Samovar/);
    expect(existsSync(join(into("copy"), "secrets.json"))).toBe(false);
  });

  it("a name that is no file", async () => {
    await expect(restoreTo(into("copy"), false, into("nothing"))).rejects.toThrow("cannot be read (ENOENT)");
  });
});

function flip(whole: Buffer): Buffer {
  const changed = Buffer.from(whole);
  const middle = Math.floor(changed.length / 2);
  changed[middle] = (changed[middle] ?? 0) ^ 0xff;
  return changed;
}
