import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseChanges } from "./changes.ts";
import { parseUnified } from "./unified.ts";

const NUMBERS = Array.from({ length: 40 }, (_, index) => `line ${index + 1}`);

describe("[R29] what git says of a working copy", () => {
  let directory = "";
  let diff = "";
  const write = (name: string, text: string | Buffer) => writeFileSync(join(directory, name), text);
  const git = (...args: string[]) => execFileSync("git", ["-C", directory, ...args], { encoding: "utf8" });

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "samovar-diff-"));
    git("init", "-q");
    mkdirSync(join(directory, "src"));
    write("src/numbers.txt", `${NUMBERS.join("\n")}\n`);
    write("gone.txt", "one\ntwo\n");
    write("old name.txt", "the same\n".repeat(9));
    write("picture.bin", Buffer.from([0, 1, 2, 3]));
    write("empty", "");
    git("add", "-A");
    git("-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "-qm", "first");
    write(
      "src/numbers.txt",
      `${NUMBERS.with(1, "two").with(34, "thirty-five").join("\n")}\n--- not a header\n+++ nor this`,
    );
    rmSync(join(directory, "gone.txt"));
    rmSync(join(directory, "empty"));
    renameSync(join(directory, "old name.txt"), join(directory, "new name.txt"));
    write("picture.bin", Buffer.from([3, 2, 1, 0]));
    write('té "a".txt', "tea\n");
    git("add", "-A");
    diff = git("diff", "--cached", "-M", "HEAD");
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it("names every file and what became of it", () => {
    expect(parseUnified(diff).map(({ path, from, change }) => ({ path, from, change }))).toEqual([
      { path: "empty", from: null, change: "deleted" },
      { path: "gone.txt", from: null, change: "deleted" },
      { path: "new name.txt", from: "old name.txt", change: "renamed" },
      { path: "picture.bin", from: null, change: "binary" },
      { path: "src/numbers.txt", from: null, change: "modified" },
      { path: 'té "a".txt', from: null, change: "added" },
    ]);
  });

  it("counts the lines as git does", () => {
    const counts = parseChanges(diff).map(({ path, added, removed }) => [path, `${added}`, `${removed}`]);
    const stat = git("diff", "--cached", "-M", "--numstat", "-z", "HEAD", "--", "src", "gone.txt");
    expect(stat).toContain("4\t2\tsrc/numbers.txt");
    expect(counts).toContainEqual(["src/numbers.txt", "4", "2"]);
    expect(counts).toContainEqual(["gone.txt", "0", "2"]);
  });

  it("numbers each line by its place and counts the skipped ones", () => {
    const file = parseChanges(diff).find(({ path }) => path === "src/numbers.txt");
    expect(file?.parts.map((part) => (part.kind === "skipped" ? part.count : part.lines[0]))).toEqual([
      { kind: "same", text: "line 1", before: 1, after: 1 },
      26,
      { kind: "same", text: "line 32", before: 32, after: 32 },
    ]);
    expect(file?.parts.at(-1)).toMatchObject({
      lines: expect.arrayContaining([{ kind: "added", text: "--- not a header", after: 41 }]),
    });
  });
});

it.each(["", "nonsense", "diff --git ", "@@ -1 +1 @@\n+a"])("makes no fault of %j", (text) =>
  expect(parseUnified(text).flatMap(({ hunks }) => hunks)).toEqual([]),
);
