import { spawn, type ChildProcess } from "node:child_process";
import { afterEach, describe, expect, test, vi } from "vitest";
import { isAlive, findMembers, type ProcessTable, processTable, createPsTable } from "./process-table.ts";

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
});

/** A shell in a new session, with one child, `sleep`. */
function tree(env: Record<string, string>): number {
  const child = spawn("/bin/sh", ["-c", "sleep 1000 & wait"], {
    detached: true,
    stdio: "ignore",
    env: { PATH: "/usr/bin:/bin", ...env },
  });
  children.push(child);
  if (child.pid === undefined) throw new Error("not started");
  return child.pid;
}

const tables: [string, ProcessTable][] = [
  ["this platform's table", processTable()],
  ["ps", createPsTable(process.platform)],
];

describe.each(tables)("%s", (_, table) => {
  test("finds a server's processes by their mark, and no other's", async () => {
    const [mine, theirs] = [tree({ SAMOVAR_SERVER_ID: "abc-1" }), tree({ SAMOVAR_SERVER_ID: "abc-11" })];
    await vi.waitFor(() => expect(findMembers(table, "SAMOVAR_SERVER_ID=abc-1", [])).toHaveLength(2));
    const found = findMembers(table, "SAMOVAR_SERVER_ID=abc-1", []).map((entry) => entry.pid);
    expect(found).toContain(mine);
    expect(found).not.toContain(theirs);
  });

  test("finds what a known process has started, without any mark", async () => {
    const pid = tree({});
    const root = table.identify(pid);
    if (root === null) throw new Error("not there");
    await vi.waitFor(() => expect(findMembers(table, "SAMOVAR_SERVER_ID=none", [root])).toHaveLength(2));
    expect(findMembers(table, "SAMOVAR_SERVER_ID=none", [{ ...root, born: "at another time" }])).toEqual([]);
  });

  test("a process that has ended is not alive, nor one that is not reaped yet", async () => {
    const pid = tree({});
    const identity = table.identify(pid);
    if (identity === null) throw new Error("not there");
    expect(isAlive(table, identity)).toBe(true);
    process.kill(-pid, "SIGKILL");
    await vi.waitFor(() => expect(isAlive(table, identity)).toBe(false));
    children.pop();
    expect(table.identify(2 ** 22 + 1)).toBeNull();
  });

  test("distinguishes a stopped process from a running one and from a missing one", async () => {
    const pid = tree({});
    expect([table.isStopped(pid), table.isStopped(2 ** 22 + 1)]).toEqual([false, false]);
    process.kill(pid, "SIGSTOP");
    await vi.waitFor(() => expect(table.isStopped(pid)).toBe(true));
    process.kill(pid, "SIGCONT");
    await vi.waitFor(() => expect(table.isStopped(pid)).toBe(false));
  });
});
