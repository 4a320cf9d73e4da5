/** A workspace's shell, with real processes in both runtimes. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { systemTimers } from "@samovar/base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chooseRuntime, createHostSandbox } from "./choose-runtime.ts";
import { NO_NETWORK } from "./network/workspace-network.ts";
import { createRuntime } from "./create-runtime.ts";
import { WorkspaceShell } from "./workspace-shell.ts";

const PATH = "/usr/local/bin:/usr/bin:/bin";
const choice = await chooseRuntime({ mode: "sandbox", readOnlyPaths: [] }, "/nonexistent", { PATH });
const kinds = ["process", ...(choice.kind === "sandbox" ? (["sandbox"] as const) : [])] as const;

let root: string;
let shell: WorkspaceShell;

describe.each(kinds)("a shell in the %s runtime", (kind) => {
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "smv-shell-"));
    const places = { repo: join(root, "repo"), home: join(root, "home"), tmp: join(root, "tmp") };
    for (const place of Object.values(places)) mkdirSync(place);
    const sandbox = kind === "sandbox" ? createHostSandbox(choice, places) : null;
    const { repo: checkout, home } = places;
    const runtime = createRuntime({
      places: { checkout, home },
      sandbox,
      network: NO_NETWORK,
      mark: "shell",
      timers: systemTimers,
    });
    shell = new WorkspaceShell(runtime, { PATH, HOME: runtime.seen.home });
  });
  afterEach(async () => {
    await shell.close();
    rmSync(root, { recursive: true, force: true });
  });

  const run = (...argv: string[]) => shell.run({ argv, cwd: shell.seen.checkout });

  test("passes arguments, variables and input as they are", async () => {
    const word = 'it\'s $HOME `id` \\ "two"\nlines\n';
    const env = { CUP: word };
    const input = `${word}${word}`;
    const argv = ["sh", "-c", 'printf "%s|%s|" "$1" "$CUP"; cat', "sh", word];
    const done = await shell.run({ argv, cwd: shell.seen.checkout, env, input });
    expect(done.stdout.toString()).toBe(`${word}|${word}|${input}`);
  });

  test("reports each command's exit code and output, and goes on", async () => {
    const all = await Promise.all([
      run("sh", "-c", "printf 1; printf e >&2; exit 3"),
      run("no-such-program"),
      run("sh", "-c", "kill -9 $$"),
      run("pwd"),
    ]);
    expect(all.map(({ code }) => code)).toEqual([3, 127, 137, 0]);
    expect([all[0]?.stdout.toString(), all[0]?.stderr]).toEqual(["1", "e"]);
    expect(all[3]?.stdout.toString()).toBe(`${shell.seen.checkout}\n`);
  });

  test("streams an output that is longer than any buffer into its sink, at the sink's pace", async () => {
    let bytes = 0;
    const sink = new Writable({
      highWaterMark: 1024,
      write(chunk: Buffer, _encoding, done) {
        bytes += chunk.length;
        setImmediate(done);
      },
    });
    const argv = ["head", "-c", "20000000", "/dev/zero"];
    const done = await shell.run({ argv, cwd: shell.seen.checkout, sink });
    await new Promise((resolve) => sink.end(resolve));
    expect([done.code, bytes, done.stdout.length]).toEqual([0, 20_000_000, 0]);
  });

  test("does not wait for what a command leaves behind with its output", async () => {
    expect(await run("sh", "-c", "sleep 1000 & echo started")).toMatchObject({ code: 0 });
    expect((await run("echo", "next")).stdout.toString()).toBe("next\n");
  });

  test("throws when it is killed, and so do later commands", async () => {
    const waiting = run("sleep", "1000");
    shell.kill();
    await expect(waiting).rejects.toThrow("the workspace's shell ended");
    await expect(run("pwd")).rejects.toThrow("the workspace's shell ended");
  });
});
