import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { jsonLogger } from "@samovar/base";
import { markProcess } from "@samovar/processes";
import { VM_AGENT_MODULE } from "@samovar/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StartupSnapshot } from "./startup-snapshot.ts";

const run = promisify(execFile);
let root = "";
let logged: string[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "samovar-snapshot-"));
  logged = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const createSnapshot = (module = VM_AGENT_MODULE) =>
  new StartupSnapshot({
    node: process.execPath,
    module,
    directory: join(root, "snapshots"),
    logger: jsonLogger({ clock: { now: () => 0 }, write: (line) => logged.push(line), level: "info" }),
  });

const PLAIN = [process.execPath, VM_AGENT_MODULE];

function requireFile(snapshot: StartupSnapshot): string {
  const [, option, file] = snapshot.self();
  if (option !== "--snapshot-blob" || file === undefined) throw new Error(`no snapshot: ${logged.join("\n")}`);
  return file;
}

/** A bundle that cannot be made into a snapshot. */
function writeFaultyModule(): string {
  const module = join(root, "faulty.cjs");
  writeFileSync(module, "throw new Error('cannot be loaded');");
  return module;
}

// Without a bundle, when the coverage of processes is measured, there is no snapshot.
describe.runIf(VM_AGENT_MODULE.endsWith(".cjs"))("a startup snapshot", () => {
  it("[R25] starts the same program as its module", async () => {
    const snapshot = createSnapshot();
    expect(snapshot.self()).toEqual(PLAIN);
    await snapshot.prepare();
    const [node, ...args] = snapshot.self();
    requireFile(snapshot);
    const fromModule = await run(process.execPath, [VM_AGENT_MODULE, "version"]);
    expect((await run(node, [...args, "version"])).stdout).toBe(fromModule.stdout);
    await expect(run(node, [...args, "no-such-command"])).rejects.toMatchObject({ code: 2 });
  });

  it("is made once, however many daemons of a computer want it", async () => {
    const daemons = [createSnapshot(), createSnapshot(), createSnapshot()];
    await Promise.all(daemons.map((each) => each.prepare()));
    expect(logged.filter((line) => line.includes("snapshot.made"))).toHaveLength(1);
    const files = new Set(daemons.map(requireFile));
    expect(files.size).toBe(1);
    for (const file of files) expect(readdirSync(dirname(file))).toEqual(["vm-agent.snapshot"]);
  });

  it("is made again when it is damaged, and after a daemon died while it made one", async () => {
    const first = createSnapshot();
    await first.prepare();
    const file = requireFile(first);
    truncateSync(file, 1000);
    // The number is that of a process that runs, the start time is not.
    writeFileSync(`${file}.lock`, JSON.stringify({ ...markProcess(process.pid), startTime: "1" }));
    const second = createSnapshot();
    await second.prepare();
    const [node, ...args] = second.self();
    expect((await run(node, [...args, "version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(existsSync(`${file}.lock`)).toBe(false);
  });

  it("of an earlier version is removed, and who uses it starts from the module", async () => {
    const earlier = join(root, "snapshots", "v24.0.0-x64-0000000000000000");
    mkdirSync(earlier, { recursive: true });
    writeFileSync(join(earlier, "vm-agent.snapshot"), "");
    const snapshot = createSnapshot();
    await snapshot.prepare();
    expect(existsSync(earlier)).toBe(false);
    rmSync(requireFile(snapshot));
    expect(snapshot.self()).toEqual(PLAIN);
  });

  it("that cannot be made is done without", async () => {
    const module = writeFaultyModule();
    const snapshot = createSnapshot(module);
    await snapshot.prepare();
    expect(snapshot.self()).toEqual([process.execPath, module]);
    expect(logged.join("\n")).toContain("snapshot.failed");
  });
});
