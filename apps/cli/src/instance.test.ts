import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { dataDirectory, instanceFile, readInstance, removeInstance, writeInstance } from "./instance.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cli-instance-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const running = {
  version: 1,
  pid: 42,
  start: "7",
  url: "http://127.0.0.1:7266",
  apiToken: "smv_x",
  startedAt: 1,
} as const;

describe("the running instance", () => {
  it("[S1] is written for its owner's eyes only, read back, and removed", async () => {
    await writeInstance(directory, running);
    expect(statSync(instanceFile(directory)).mode & 0o777).toBe(0o600);
    expect(await readInstance(directory)).toEqual(running);
    await removeInstance(directory);
    await removeInstance(directory);
    expect(await readInstance(directory)).toBeNull();
  });

  it("is none when the file is of another shape", async () => {
    for (const text of [
      "",
      "{",
      "{}",
      JSON.stringify({ ...running, version: 2 }),
      JSON.stringify({ ...running, url: "file:///etc" }),
    ]) {
      writeFileSync(instanceFile(directory), text);
      expect(await readInstance(directory)).toBeNull();
    }
  });

  it("lives where the option, the environment or the custom says", () => {
    expect(dataDirectory("/a", { SAMOVAR_DATA_DIR: "/b" })).toBe("/a");
    expect(dataDirectory(undefined, { SAMOVAR_DATA_DIR: "/b", HOME: "/h" })).toBe("/b");
    expect(dataDirectory(undefined, { XDG_DATA_HOME: "/x", HOME: "/h" })).toBe("/x/samovar");
    expect(dataDirectory(undefined, { HOME: "/h" })).toBe("/h/.local/share/samovar");
    expect(dataDirectory("here", {})).toBe(join(process.cwd(), "here"));
  });
});
