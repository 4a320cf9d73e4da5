import { closeSync, mkdtempSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { logFile } from "./log-file.ts";

test("past its limit a log begins anew, also for a process that holds it open", () => {
  const directory = mkdtempSync(join(tmpdir(), "samovar-"));
  const log = logFile(directory, "x.log");
  const writer = log.open();
  writeSync(writer, "first\n");
  log.bound(6);
  expect(readFileSync(join(directory, "x.log"), "utf8")).toBe("first\n");
  log.bound(5);
  writeSync(writer, "second\n");
  closeSync(writer);
  expect(readFileSync(join(directory, "x.log"), "utf8")).toBe("second\n");
  expect(readFileSync(join(directory, "x.log.1"), "utf8")).toBe("first\n");
  rmSync(directory, { recursive: true });
});
