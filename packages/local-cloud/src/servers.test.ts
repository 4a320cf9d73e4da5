import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { systemTimers, type Timers } from "@samovar/base";
import { nodeEnvironment, toVariables } from "@samovar/contracts";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { isAlive, processTable } from "./machine/process-table.ts";
import { makeRig, type Rig, TOKEN, WAIT } from "./rig.testing.ts";

let rig: Rig;
beforeEach(async () => {
  rig = await makeRig();
});
afterEach(() => rig.close());

const alive = (pid: number) => processTable().identify(pid) !== null;

describe("a server", () => {
  test("boots its vm-agent from the user data that a real one would get", async () => {
    process.env["SAMOVAR_TEST_CANARY"] = "of the user's shell";
    const cloud = await rig.start({ serviceEnv: { SAMOVAR_AGENTS_DIR: "/agents", SAMOVAR_ROOT: "/elsewhere" } });
    const id = await rig.create(cloud, "samovar-1");
    const start = await rig.agentUp(id);
    const root = join(rig.dataDir, "vm", String(id));
    expect(start.settings["bootstrapToken"]).toBe('it\'s "one" $token\nof é many');
    expect(start.env).toMatchObject({
      SAMOVAR_ROOT: root,
      HOME: join(root, "root"),
      SAMOVAR_AGENTS_DIR: "/agents",
      LANG: "C.UTF-8",
      SANDBOX_READ_ONLY_PATHS: '/srv/tools of "all":/100%',
    });
    expect(start.env["PATH"]).toMatch(new RegExp(`^${root}/opt/samovar/bin:`));
    expect(Object.keys(start.env)).not.toContain("SAMOVAR_TEST_CANARY");
    // Node itself passes this one on, when the tests count what processes ran.
    const settings = Object.keys(toVariables(nodeEnvironment.parse({})));
    expect(Object.keys(start.env)).toEqual(expect.arrayContaining(settings));
    const given = Object.keys(start.env).filter((name) => name !== "NODE_V8_COVERAGE" && !settings.includes(name));
    expect(given.toSorted()).toEqual([
      "HOME",
      "LANG",
      "PATH",
      "SAMOVAR_AGENTS_DIR",
      "SAMOVAR_READY_FD",
      "SAMOVAR_ROOT",
      "SAMOVAR_SERVER_ID",
      "TMPDIR",
    ]);
    expect(existsSync(join(root, "etc/samovar/preparing")), "nothing to wait for").toBe(false);
    expect((statSync(join(root, "etc/samovar/agent.json")).mode & 0o777).toString(8)).toBe("600");
    // Users of workspaces pass where the daemon is root.
    expect((statSync(root).mode & 0o777).toString(8)).toBe(process.getuid?.() === 0 ? "711" : "700");
    await vi.waitFor(
      () =>
        expect(readFileSync(join(rig.dataDir, "log", String(id), "samovar-agent.log"), "utf8")).toBe(
          `agent ${start.pid}\n`,
        ),
      WAIT,
    );
    expect(await rig.status(cloud, id)).toBe("running");
    delete process.env["SAMOVAR_TEST_CANARY"];
  });

  test("changes neither the packages nor the accounts of the computer that it runs on", async () => {
    const cloud = await rig.start();
    const userData = `#cloud-config
runcmd:
  - [sh, -c, 'for name in apt-get chage systemctl; do command -v $name; done >"$SAMOVAR_ROOT/tmp/found"']
  - [apt-get, install, tea]
  - [chage, --lastday, '0', root]
`;
    const id = await rig.create(cloud, "samovar-1", userData);
    const log = join(rig.dataDir, "log", String(id), "cloud-init.log");
    await vi.waitFor(() => expect(readFileSync(log, "utf8")).toContain("$ chage --lastday 0 root"), WAIT);
    const found = readFileSync(join(rig.dataDir, "vm", String(id), "tmp/found"), "utf8")
      .trim()
      .split("\n");
    expect(found).toEqual(["apt-get", "chage", "systemctl"].map((name) => join(rig.dataDir, "bin", name)));
    expect(readFileSync(log, "utf8")).not.toContain("ended with");
  });

  test("has a lower priority than the cloud, from its first command on and with all that it starts", async () => {
    const cloud = await rig.start();
    const id = await rig.create(cloud, "samovar-1");
    const { pid } = await rig.agentUp(id);
    // proc(5): niceness is the 17th field after the name in parentheses.
    const nicenessOf = (of: number) => Number(readFileSync(`/proc/${of}/stat`, "utf8").split(") ")[1]?.split(" ")[16]);
    for (const each of [pid, rig.hostPid(id)]) expect(nicenessOf(each)).toBe(nicenessOf(process.pid) + 5);
  });

  test("[F2] restarts its agent after SIGKILL, and what the agent detached goes on", async () => {
    const cloud = await rig.start();
    const id = await rig.create(cloud, "samovar-1");
    const first = await rig.agentUp(id);
    const host = rig.hostPid(id);
    process.kill(first.pid, "SIGKILL");
    const second = await rig.agentUp(id, 2);
    expect(second.pid).not.toBe(first.pid);
    expect([alive(first.pid), alive(second.pid), alive(host)]).toEqual([false, true, true]);
    expect(rig.downloads()).toBe(1);
  });

  test("is adopted by the next cloud when it was left, and looked after again", async () => {
    const before = await rig.start();
    const id = await rig.create(before, "samovar-1");
    const first = await rig.agentUp(id);
    await before.close({ servers: "leave" });
    expect(alive(first.pid)).toBe(true);

    const after = await rig.start();
    expect(await rig.status(after, id)).toBe("running");
    process.kill(first.pid, "SIGKILL");
    const second = await rig.agentUp(id, 2);
    expect(rig.starts(id).map((start) => start.pid)).toEqual([first.pid, second.pid]);
  });

  test("whose agent died while no cloud looked gets it back from the next", async () => {
    const before = await rig.start();
    const id = await rig.create(before, "samovar-1");
    const first = await rig.agentUp(id);
    const host = rig.hostPid(id);
    await before.close({ servers: "leave" });
    process.kill(first.pid, "SIGKILL");
    await rig.start();
    await rig.agentUp(id, 2);
    expect(alive(host)).toBe(true);
  });

  test("outlives a SIGKILL of the cloud's own process", async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts"), rig.dataDir], {
      env: { ...process.env, LOCAL_CLOUD_TOKEN: TOKEN },
      stdio: ["ignore", "pipe", "ignore"],
    });
    const url = await new Promise<string>((resolve) =>
      child.stdout.once("data", (text) => resolve(String(text).trim())),
    );
    const id = await rig.create({ url }, "samovar-1");
    const first = await rig.agentUp(id);
    await new Promise((resolve) => child.once("exit", resolve).kill("SIGKILL"));
    expect(alive(first.pid)).toBe(true);

    const cloud = await rig.start();
    expect(await rig.status(cloud, id)).toBe("running");
    await cloud.close({ servers: "stop" });
    expect(rig.starts(id)).toHaveLength(1);
    expect(rig.processes([id])).toEqual([]);
  });

  test("is stopped whole with the cloud, and powered on again with the next", async () => {
    const before = await rig.start();
    const id = await rig.create(before, "samovar-1");
    const first = await rig.agentUp(id);
    const host = rig.hostPid(id);
    await before.close({ servers: "stop" });
    expect([alive(first.pid), alive(host)]).toEqual([false, false]);
    expect(rig.processes([id])).toEqual([]);

    const after = await rig.start();
    await rig.agentUp(id, 2);
    expect(await rig.status(after, id)).toBe("running");
    expect(rig.downloads()).toBe(1);
  });

  test("[R21] goes on with the next cloud's Node when that of its first boot is gone", async () => {
    const moved = join(rig.dataDir, "moved");
    mkdirSync(moved);
    symlinkSync(process.execPath, join(moved, "node"));
    const before = await rig.start({ nodeBinary: join(moved, "node") });
    const id = await rig.create(before, "samovar-1");
    await rig.agentUp(id);
    await before.close({ servers: "stop" });
    rmSync(moved, { recursive: true });

    const after = await rig.start();
    const second = await rig.agentUp(id, 2);
    expect(alive(second.pid)).toBe(true);
    expect(readlinkSync(`/proc/${second.pid}/exe`)).toBe(realpathSync(process.execPath));
    expect(await rig.status(after, id)).toBe("running");
    expect(rig.downloads()).toBe(1);
  });

  test("[N1] deleted, leaves no process, no file, and its action to read", async () => {
    const cloud = await rig.start();
    const [gone, kept] = [await rig.create(cloud, "samovar-1"), await rig.create(cloud, "samovar-2")];
    await rig.agentUp(gone);
    const other = await rig.agentUp(kept);
    const { body } = await rig.call(cloud, "DELETE", `/servers/${gone}`);
    const again = await rig.call(cloud, "DELETE", `/servers/${gone}`);
    expect(again.body["action"]?.["id"]).toBe(body["action"]?.["id"]);
    await vi.waitFor(async () => expect((await rig.call(cloud, "GET", `/servers/${gone}`)).status).toBe(404), WAIT);
    expect(rig.processes([gone])).toEqual([]);
    expect(["vm", "log", "seed"].flatMap((part) => readdirSync(join(rig.dataDir, part)))).toEqual([
      String(kept),
      String(kept),
      String(kept),
    ]);
    expect((await rig.call(cloud, "GET", `/actions/${body["action"]?.["id"]}`)).body["action"]).toMatchObject({
      status: "success",
      progress: 100,
    });
    expect(alive(other.pid)).toBe(true);
  });

  test("is switched off and on by its actions; one at a time", async () => {
    const cloud = await rig.start();
    const id = await rig.create(cloud, "samovar-1");
    await rig.agentUp(id);
    const command = (name: string) => rig.call(cloud, "POST", `/servers/${id}/actions/${name}`);
    expect((await command("poweroff")).body["action"]).toMatchObject({
      command: "stop_server",
      status: "running",
      progress: 0,
    });
    expect(await command("poweron")).toMatchObject({ status: 423, body: { error: { code: "locked" } } });
    await vi.waitFor(async () => expect(await rig.status(cloud, id)).toBe("off"), WAIT);
    expect(rig.processes([id])).toEqual([]);
    await vi.waitFor(async () => expect((await command("poweron")).status).toBe(201), WAIT);
    await rig.agentUp(id, 2);
    await vi.waitFor(async () => expect((await command("reboot")).status).toBe(201), WAIT);
    await rig.agentUp(id, 3);
    await vi.waitFor(async () => expect(await rig.status(cloud, id)).toBe("running"), WAIT);
    expect(rig.downloads()).toBe(1);
  });

  test("that was off stays off over a restart of the cloud", async () => {
    const before = await rig.start();
    const id = await rig.create(before, "samovar-1");
    await rig.agentUp(id);
    await rig.call(before, "POST", `/servers/${id}/actions/poweroff`);
    await vi.waitFor(async () => expect(await rig.status(before, id)).toBe("off"), WAIT);
    await before.close();
    const after = await rig.start();
    expect(await rig.status(after, id)).toBe("off");
    expect(rig.processes([id])).toEqual([]);
  });
});

describe("a slow boot", () => {
  const DELAY_MS = 3_600_000;
  /** Real time, but for the boot's delay, which passes when the test says so. */
  function heldBoot(): { timers: Timers; release: () => void } {
    const held: (() => void)[] = [];
    return {
      timers: {
        after: (delayMs, callback) =>
          delayMs === DELAY_MS ? (held.push(callback), () => {}) : systemTimers.after(delayMs, callback),
      },
      release: () => held.splice(0).forEach((callback) => callback()),
    };
  }

  test("[F29] is initializing until its time has come", async () => {
    const { timers, release } = heldBoot();
    const cloud = await rig.start({ bootDelayMs: DELAY_MS, timers });
    const id = await rig.create(cloud, "samovar-1");
    expect(await rig.status(cloud, id)).toBe("initializing");
    expect((await rig.call(cloud, "GET", `/servers/${id}/actions`)).body["actions"]).toMatchObject([
      { status: "running" },
      { status: "running" },
    ]);
    release();
    await rig.agentUp(id);
    expect(await rig.status(cloud, id)).toBe("running");
    expect((await rig.call(cloud, "GET", `/servers/${id}/actions`)).body["actions"]).toMatchObject([
      { command: "create_server", status: "success" },
      { command: "start_server", status: "success" },
    ]);
  });

  test("can be deleted meanwhile", async () => {
    const { timers } = heldBoot();
    const cloud = await rig.start({ bootDelayMs: DELAY_MS, timers });
    const id = await rig.create(cloud, "samovar-1");
    await rig.call(cloud, "DELETE", `/servers/${id}`);
    await vi.waitFor(() => expect(cloud.servers()).toEqual([]), WAIT);
    expect(rig.starts(id)).toEqual([]);
  });

  test("[F20] goes on after a restart of the cloud", async () => {
    const { timers } = heldBoot();
    const before = await rig.start({ bootDelayMs: DELAY_MS, timers });
    const id = await rig.create(before, "samovar-1");
    await before.close({ servers: "leave" });
    const after = await rig.start();
    await rig.agentUp(id);
    expect((await rig.call(after, "GET", `/servers/${id}/actions`)).body["actions"]).toMatchObject([
      { status: "success" },
      { status: "success" },
    ]);
  });

  test("[F20] cut short in the middle of a command, begins again from the start, once", async () => {
    const before = await rig.start();
    const id = await rig.create(
      before,
      "samovar-1",
      "#cloud-config\nruncmd:\n  - echo begun >>$SAMOVAR_ROOT/begun; while [ ! -e $SAMOVAR_ROOT/go ]; do sleep 0.1; done\n  - touch $SAMOVAR_ROOT/done\n",
    );
    const root = before.servers()[0]?.root ?? "";
    const begun = () => (existsSync(join(root, "begun")) ? readFileSync(join(root, "begun"), "utf8") : "");
    await vi.waitFor(() => expect(begun()).toBe("begun\n"), WAIT);
    const interrupted = rig.processes([id]);
    await before.close({ servers: "leave" });
    await rig.start();
    await vi.waitFor(() => expect(begun()).toBe("begun\nbegun\n"), WAIT);
    expect(interrupted.filter(alive)).toEqual([]);
    writeFileSync(join(root, "go"), "");
    await vi.waitFor(() => expect(existsSync(join(root, "done"))).toBe(true), WAIT);
  });

  test("a deletion in the middle of a reboot wins", async () => {
    const cloud = await rig.start();
    const id = await rig.create(cloud, "samovar-1");
    await rig.agentUp(id);
    await vi.waitFor(
      async () => expect((await rig.call(cloud, "POST", `/servers/${id}/actions/reboot`)).status).toBe(201),
      WAIT,
    );
    expect((await rig.call(cloud, "DELETE", `/servers/${id}`)).status).toBe(200);
    await vi.waitFor(() => expect(cloud.servers()).toEqual([]), WAIT);
    expect(rig.processes([id])).toEqual([]);
    expect(existsSync(join(rig.dataDir, "vm", String(id)))).toBe(false);
  });

  test("a command that hangs does not keep the server from being deleted", async () => {
    const cloud = await rig.start();
    const id = await rig.create(
      cloud,
      "samovar-1",
      "#cloud-config\nruncmd:\n  - 'trap \"\" TERM; touch $SAMOVAR_ROOT/begun; while :; do sleep 1; done'\n",
    );
    await vi.waitFor(() => expect(existsSync(join(rig.dataDir, "vm", String(id), "begun"))).toBe(true), WAIT);
    await rig.call(cloud, "DELETE", `/servers/${id}`);
    await vi.waitFor(() => expect(cloud.servers()).toEqual([]), WAIT);
    expect(rig.processes([id])).toEqual([]);
  });
});

describe("first boot", () => {
  test("goes on after a command that fails, without HOME, and writes it all down", async () => {
    const cloud = await rig.start();
    const id = await rig.create(
      cloud,
      "box",
      `#cloud-config
write_files:
  - { path: /etc/motd, content: hello }
runcmd:
  - "false"
  - [no-such-command-here]
  - [cat, /etc/motd]
  - echo " home=[$HOME]" && touch "$SAMOVAR_ROOT/done"
`,
    );
    const { logs, root } = cloud.servers().find((server) => server.id === id) ?? { logs: "", root: "" };
    await vi.waitFor(() => expect(existsSync(join(root, "done"))).toBe(true), WAIT);
    const log = readFileSync(join(logs, "cloud-init.log"), "utf8");
    expect(log).toContain("ended with 1");
    expect(log).toContain("ENOENT");
    expect(log).toContain("$ cat /etc/motd\nhello");
    expect(log).toContain("\n home=[]\n");
  });

  test.each([
    ["none", ""],
    ["a script", "#!/bin/sh\necho\n"],
    ["nonsense", "#cloud-config\nruncmd: 5\n"],
  ])("a server with user data that is %s runs, with nothing on it", async (_, userData) => {
    const cloud = await rig.start();
    const id = await rig.create(cloud, "empty", userData);
    await vi.waitFor(async () => expect(await rig.status(cloud, id)).toBe("running"), WAIT);
    expect(rig.processes([id])).toEqual([]);
  });

  test("a service that was only started does not come back with the power", async () => {
    const cloud = await rig.start();
    const id = await rig.create(
      cloud,
      "box",
      `#cloud-config\nwrite_files:\n${unit("once")}${unit("always")}runcmd:\n  - systemctl start once && systemctl enable --now always.service\n`,
    );
    const ups = (name: string) =>
      existsSync(join(rig.dataDir, "vm", String(id), name))
        ? readFileSync(join(rig.dataDir, "vm", String(id), name), "utf8").split("\n").length - 1
        : 0;
    await vi.waitFor(() => expect([ups("once"), ups("always")]).toEqual([1, 1]), WAIT);
    await vi.waitFor(
      async () => expect((await rig.call(cloud, "POST", `/servers/${id}/actions/reset`)).status).toBe(201),
      WAIT,
    );
    await vi.waitFor(() => expect(ups("always")).toBe(2), WAIT);
    expect(ups("once")).toBe(1);
  });
});

test("distinguishes a process from a later one with the same id", () => {
  const self = processTable().identify(process.pid);
  if (self === null) throw new Error("this process is not there");
  expect(isAlive(processTable(), self)).toBe(true);
  expect(isAlive(processTable(), { ...self, born: "another" })).toBe(false);
});

/** A service that notes each of its starts in a file of its name. */
const unit = (name: string) =>
  `  - path: /etc/systemd/system/${name}.service\n    content: "[Service]\\nRestart=always\\nExecStart=/bin/sh -c 'echo up >>$SAMOVAR_ROOT/${name}; exec sleep 1000'\\n"\n`;

describe("where starts are limited", () => {
  test("a server boots when the one before it has started, and all know the gate", async () => {
    const ready = join(rig.dataDir, "ready");
    const cloud = await rig.start({ concurrentStarts: 1, serviceEnv: { SAMOVAR_TEST_READY: ready } });
    const first = await rig.create(cloud, "samovar-1");
    const { env } = await rig.agentUp(first);
    const second = await rig.create(cloud, "samovar-2");
    await vi.waitFor(async () => expect(await rig.status(cloud, second)).toBe("running"), WAIT);
    expect([rig.downloads(), rig.starts(second)]).toEqual([1, []]);
    writeFileSync(ready, "");
    await rig.agentUp(second);
    expect(env["SAMOVAR_START_GATE"]).toBe(join(rig.dataDir, "starts.sock"));
  });

  test("[F2] an agent that dies while it starts blocks no other server, and is started again in its turn", async () => {
    const ready = join(rig.dataDir, "ready");
    const cloud = await rig.start({ concurrentStarts: 1, serviceEnv: { SAMOVAR_TEST_READY: ready } });
    const first = await rig.create(cloud, "samovar-1");
    const { pid } = await rig.agentUp(first);
    const second = await rig.create(cloud, "samovar-2");
    await vi.waitFor(async () => expect(await rig.status(cloud, second)).toBe("running"), WAIT);
    process.kill(pid, "SIGKILL");
    await rig.agentUp(second);
    writeFileSync(ready, "");
    await rig.agentUp(first, 2);
  });

  test("a server that is switched off before its turn never boots", async () => {
    const ready = join(rig.dataDir, "ready");
    const cloud = await rig.start({ concurrentStarts: 1, serviceEnv: { SAMOVAR_TEST_READY: ready } });
    await rig.agentUp(await rig.create(cloud, "samovar-1"));
    const [second, third] = [await rig.create(cloud, "samovar-2"), await rig.create(cloud, "samovar-3")];
    await vi.waitFor(async () => expect(await rig.status(cloud, second)).toBe("running"), WAIT);
    await rig.call(cloud, "DELETE", `/servers/${second}`);
    await vi.waitFor(() => expect(cloud.servers().map(({ id }) => id)).not.toContain(second), WAIT);
    writeFileSync(ready, "");
    await rig.agentUp(third);
    expect([rig.downloads(), rig.processes([second])]).toEqual([2, []]);
  });
});
