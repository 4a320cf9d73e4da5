import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, it } from "vitest";
import { loadSecrets, openDataDirectory } from "./data-directory.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cli-data-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it.each([
  ["empty, as after a power cut", () => ""],
  ["cut off", (known: string) => known.slice(0, 100)],
  ["of a form that is not known", () => JSON.stringify({ version: 9 })],
])("secrets in a file that is %s are never replaced by new ones", async (_how, damage) => {
  const opened = await openDataDirectory(directory);
  await loadSecrets(opened);
  const file = join(directory, "secrets.json");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const damaged = damage(readFileSync(file, "utf8"));
  writeFileSync(file, damaged);
  await expect(loadSecrets(opened)).rejects.toThrow(`The installation's secrets in ${file} cannot be read.`);
  expect(readFileSync(file, "utf8")).toBe(damaged);
});

/** Takes the lock as soon as its input ends, says whether it has it, and keeps it until it is killed. */
const TAKE = `const { lockDirectory } = await import(process.argv[1]);
for await (const _ of process.stdin);
await lockDirectory(process.argv[2]).then(() => console.log("taken"), () => console.log("refused"));
process.stdout.end();
setInterval(() => {}, 60_000);`;

it("of many that lock a directory at once, when its last holder was killed, one has it", async () => {
  writeFileSync(join(directory, "lock"), JSON.stringify({ pid: 2_147_483_646, start: null }));
  const module = join(import.meta.dirname, "lock.ts");
  const takers = Array.from({ length: 6 }, () =>
    spawn(process.execPath, ["--input-type=module", "-e", TAKE, module, directory], {
      stdio: ["pipe", "pipe", "inherit"],
    }),
  );
  try {
    for (const taker of takers) taker.stdin.end();
    const answers = await Promise.all(takers.map(({ stdout }) => text(stdout)));
    expect(answers.toSorted()).toEqual([...Array(5).fill("refused\n"), "taken\n"]);
    expect(readdirSync(directory)).toEqual(["lock", "lock.sqlite"]);
  } finally {
    for (const taker of takers) taker.kill("SIGKILL");
    await Promise.all(takers.map((taker) => taker.exitCode ?? taker.signalCode ?? once(taker, "exit")));
  }
});
