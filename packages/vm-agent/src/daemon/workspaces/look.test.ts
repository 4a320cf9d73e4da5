/** Looks into real checkouts: plain ones, those that an agent has bent, and those that are too large. */
import type { WorkspaceDiff } from "@samovar/contracts";
import { LIMITS, nodeFrame } from "@samovar/contracts";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { CheckoutPlaces } from "../git/clone.ts";
import { cloneRepository } from "../git/clone.ts";
import {
  alone,
  cloneOf,
  gitBy,
  makeDirectory,
  makeRepository,
  neverAborted,
  placesIn,
  writeFiles,
} from "../git/repositories.testing.ts";
import { lookInto } from "./look.ts";

vi.setConfig({ testTimeout: 60_000 });

let root: string;
let directory: string;
let places: CheckoutPlaces;
let baseCommit: string;

beforeEach(async () => {
  root = makeDirectory();
  const origin = makeRepository(join(root, "origin"), {
    "kept.txt": "kept\n",
    "changed.txt": "one\ntwo\n",
    "gone.txt": "gone\n",
    "old-name.txt": "a long enough text to be known again\nby its second line too\n",
  });
  directory = join(root, "w");
  places = placesIn(directory);
  const made = await cloneRepository(cloneOf(origin), places, alone());
  baseCommit = made.ok ? made.value.baseCommit : expect.fail(made.error.message);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const ask = (signal = neverAborted()) => lookInto({ places, directory, baseCommit, signal });
async function look(): Promise<WorkspaceDiff> {
  const seen = await ask();
  return seen.ok ? seen.value : expect.fail(seen.error.message);
}

describe("a look into a checkout", () => {
  it("shows a fresh one as unchanged", async () => {
    expect(await look()).toEqual({
      path: places.repo,
      branch: "task/a",
      head: baseCommit,
      files: [],
      diff: "",
      truncated: false,
    });
  });

  it("shows what was committed, staged, changed, renamed, deleted and left untracked, against the beginning", async () => {
    writeFiles(places.repo, { "changed.txt": "one\nTWO\n" });
    gitBy(places.repo, "commit", "--quiet", "--all", "--message=Half");
    gitBy(places.repo, "mv", "old-name.txt", "new name.txt");
    writeFiles(places.repo, { "staged.txt": "staged\n", "deep/untracked.txt": "only here\n" });
    gitBy(places.repo, "add", "--", "staged.txt");
    unlinkSync(join(places.repo, "gone.txt"));
    const seen = await look();
    expect(seen.head).toBe(gitBy(places.repo, "rev-parse", "HEAD"));
    expect(seen.files.toSorted((a, b) => a.path.localeCompare(b.path))).toEqual([
      { path: "changed.txt", change: "modified" },
      { path: "deep/untracked.txt", change: "untracked" },
      { path: "gone.txt", change: "deleted" },
      { path: "new name.txt", change: "renamed" },
      { path: "staged.txt", change: "added" },
    ]);
    for (const line of ["-two", "+TWO", "+only here", "+staged", "-gone", "rename to new name.txt"])
      expect(seen.diff).toContain(`\n${line}`);
    expect(seen.truncated).toBe(false);
  });

  it("leaves the checkout exactly as it is, and nothing of its own behind", async () => {
    writeFiles(places.repo, { "new.txt": "new\n", "changed.txt": "x\n" });
    const before = { index: readFileSync(join(places.repo, ".git/index")), status: gitBy(places.repo, "status", "-s") };
    const objects = gitBy(places.repo, "count-objects", "-v");
    await look();
    expect(gitBy(places.repo, "count-objects", "-v")).toBe(objects);
    expect(readFileSync(join(places.repo, ".git/index")).equals(before.index)).toBe(true);
    expect(gitBy(places.repo, "status", "-s")).toBe(before.status);
    expect(readdirSync(directory).filter((name) => name.startsWith("look-"))).toEqual([]);
  });

  it("says where the work is when the agent has left its branch, or has made a history of its own", async () => {
    gitBy(places.repo, "switch", "--quiet", "--detach");
    expect(await look()).toMatchObject({ branch: null, head: baseCommit });
    gitBy(places.repo, "switch", "--quiet", "--orphan", "fresh");
    expect(await look()).toMatchObject({ branch: "fresh", head: null });
  });

  it("goes on without the index when that cannot be read", async () => {
    writeFileSync(join(places.repo, ".git/index"), "no index at all");
    writeFiles(places.repo, { "changed.txt": "other\n" });
    expect((await look()).files).toEqual([{ path: "changed.txt", change: "modified" }]);
  });

  it("fails with the path when the checkout is no repository any more", async () => {
    rmSync(join(places.repo, ".git"), { recursive: true });
    const seen = await ask();
    expect(seen).toMatchObject({ ok: false, error: { code: "look_failed" } });
    expect(seen.ok ? "" : seen.error.message).toContain(places.repo);
  });

  it("ends with its signal", async () => {
    const abort = new AbortController();
    abort.abort(new Error("enough"));
    await expect(ask(abort.signal)).rejects.toThrow("enough");
    expect(readdirSync(directory).filter((name) => name.startsWith("look-"))).toEqual([]);
  });
});

describe("[S1] a checkout that its agent has prepared for whoever looks", () => {
  it("[security 19, 21] starts no filter, monitor, diff program, hook or transport of the repository's settings", async () => {
    const trap = (name: string) => `touch ${join(root, `sprung-${name}`)}; cat`;
    const settings: readonly (readonly [string, string])[] = [
      ["core.fsmonitor", trap("monitor")],
      ["core.pager", trap("pager")],
      ["diff.external", trap("external")],
      ["filter.trap.clean", trap("clean")],
      ["filter.trap.smudge", trap("smudge")],
      ["filter.trap.process", trap("process")],
      ["diff.trap.command", trap("command")],
      ["diff.trap.textconv", trap("textconv")],
      ["core.sshCommand", trap("ssh")],
      ["remote.origin.uploadpack", trap("uploadpack")],
      ["protocol.file.allow", "always"],
      ["protocol.ext.allow", "always"],
      ["remote.origin.promisor", "true"],
      ["extensions.partialClone", "origin"],
      ["alias.diff", `!${trap("alias")}`],
    ];
    for (const [name, value] of settings) gitBy(places.repo, "config", "--local", name, value);
    gitBy(places.home, "config", "--global", "diff.external", trap("global"));
    writeFiles(places.repo, {
      ".gitattributes": "* filter=trap diff=trap\n",
      "changed.txt": "bent\n",
      "new.txt": "n\n",
    });
    mkdirSync(join(places.repo, ".git/hooks"), { recursive: true });
    writeFileSync(join(places.repo, ".git/hooks/post-index-change"), `#!/bin/sh\n${trap("hook")}\n`, { mode: 0o755 });
    const seen = await look();
    expect(seen.files.map(({ path }) => path)).toContain("changed.txt");
    // A commit that is nowhere: looking must not make git go and fetch it.
    writeFileSync(join(places.repo, ".git/refs/heads/task/a"), `${"a".repeat(40)}\n`);
    unlinkSync(join(places.repo, ".git/index"));
    expect(await ask()).toMatchObject({ ok: false, error: { code: "look_failed" } });
    const sprung = () => readdirSync(root).filter((name) => name.startsWith("sprung-"));
    expect(sprung()).toEqual([]);
    expect(() => gitBy(places.repo, "status"), "the traps do spring for a git that reads the settings").toThrow();
    expect(sprung()).not.toEqual([]);
  });

  it("[security 22] follows no link out of the checkout", async () => {
    writeFileSync(join(root, "secret"), "the secret\n");
    symlinkSync(join(root, "secret"), join(places.repo, "link.txt"));
    unlinkSync(join(places.repo, "kept.txt"));
    symlinkSync(join(root, "secret"), join(places.repo, "kept.txt"));
    const seen = await look();
    expect(seen.diff).not.toContain("the secret");
    expect(seen.files).toContainEqual({ path: "link.txt", change: "untracked" });
  });

  it("takes names that look like options or patterns for names", async () => {
    writeFiles(places.repo, { "--output=x": "1\n", ":(top)*": "2\n", "a*b": "3\n" });
    const seen = await look();
    expect(seen.files.map(({ path }) => path).toSorted()).toEqual(["--output=x", ":(top)*", "a*b"]);
    for (const line of ["+1", "+2", "+3"]) expect(seen.diff).toContain(`\n${line}\n`);
    expect(existsSync(join(places.repo, "x"))).toBe(false);
  });

  it("shows a repository inside it as one entry", async () => {
    makeRepository(join(places.repo, "inner"));
    const seen = await look();
    expect(seen.files).toEqual([{ path: "inner/", change: "untracked" }]);
    expect(seen.truncated).toBe(true);
  });
});

describe("a large look", () => {
  const asFrame = (seen: WorkspaceDiff) =>
    JSON.stringify({ type: "reply", id: "x".repeat(200), reply: { kind: "workspace.diff", diff: seen } });

  it("is cut at a line, says so, and fits into a frame however its text is written", async () => {
    writeFiles(places.repo, { "changed.txt": "\u0001\u0002é\n".repeat(400_000), "new.txt": "y\n" });
    const seen = await look();
    expect(seen).toMatchObject({ truncated: true, files: [{ path: "changed.txt" }, { path: "new.txt" }] });
    expect(seen.diff.endsWith("\n")).toBe(true);
    expect(Buffer.byteLength(asFrame(seen))).toBeLessThan(LIMITS.linkFrameMaxBytes);
    expect(nodeFrame.safeParse(JSON.parse(asFrame(seen))).success).toBe(true);
  });

  it("leaves out the text of new files that are too many or too long, but names them", async () => {
    writeFiles(places.repo, Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`new/${n}.txt`, `${n}\n`])));
    writeFiles(places.repo, { "a-big.txt": "big\n".repeat(100_000) });
    const seen = await look();
    expect(seen.files).toHaveLength(301);
    expect(seen.truncated).toBe(true);
    expect(seen.diff).not.toContain("+big");
    expect(seen.diff).toContain("new/0.txt");
  });

  it("names as many files as there is room for", async () => {
    const long = "d".repeat(200);
    writeFiles(places.repo, Object.fromEntries(Array.from({ length: 1500 }, (_, n) => [`${long}/${n}`, ""])));
    const seen = await look();
    expect(seen.files.length).toBeGreaterThan(500);
    expect(seen.files.length).toBeLessThan(1500);
    expect(seen.truncated).toBe(true);
  });
});
