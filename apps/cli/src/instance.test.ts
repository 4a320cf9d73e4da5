import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { resolveDataDirectory, getInstanceFile, readInstance, removeInstance, writeInstance } from "./instance.ts";

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
  publicUrl: null,
  apiToken: "smv_x",
  startedAt: 1,
} as const;

describe("the instance file", () => {
  it("[S1] is readable only by its owner, read back, and removed", async () => {
    await writeInstance(directory, running);
    expect(statSync(getInstanceFile(directory)).mode & 0o777).toBe(0o600);
    expect(await readInstance(directory)).toEqual(running);
    await removeInstance(directory);
    await removeInstance(directory);
    expect(await readInstance(directory)).toBeNull();
  });

  it("counts as missing when it has another shape", async () => {
    for (const text of [
      "",
      "{",
      "{}",
      JSON.stringify({ ...running, version: 2 }),
      JSON.stringify({ ...running, url: "file:///etc" }),
    ]) {
      writeFileSync(getInstanceFile(directory), text);
      expect(await readInstance(directory)).toBeNull();
    }
  });

  it("is in the directory of the option, the environment or the default", () => {
    expect(resolveDataDirectory("/a", { SAMOVAR_DATA_DIR: "/b" })).toBe("/a");
    expect(resolveDataDirectory(undefined, { SAMOVAR_DATA_DIR: "/b", HOME: "/h" })).toBe("/b");
    expect(resolveDataDirectory(undefined, { XDG_DATA_HOME: "/x", HOME: "/h" })).toBe("/x/samovar");
    expect(resolveDataDirectory(undefined, { HOME: "/h" })).toBe("/h/.local/share/samovar");
    expect(resolveDataDirectory("here", {})).toBe(join(process.cwd(), "here"));
  });
});
