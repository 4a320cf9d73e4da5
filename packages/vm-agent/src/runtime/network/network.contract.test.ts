/** What a hostile program reaches over the network in both runtimes, and what a workspace's own programs reach in theirs. */
import { execFile, spawn } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { silentLogger, systemRandom } from "@samovar/base";
import { VM_AGENT_MODULE } from "@samovar/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { startGateway } from "../../gateway/gateway.ts";
import { listenAt } from "../../listen.ts";
import { chooseRuntime } from "../choose-runtime.ts";
import { type NetworkRig, SYSTEM_PATH, connecting, openRig } from "./rig.testing.ts";

/** Where user namespaces are restricted, the sandbox's half is left out; the runtimes' contract says so. */
const choice = await chooseRuntime({ mode: "sandbox", readOnlyPaths: [] }, "/nonexistent", { PATH: SYSTEM_PATH });
const unboxed = await chooseRuntime({ mode: "process", readOnlyPaths: [] }, "/nonexistent", {});
const kinds = ["process", ...(choice.kind === "sandbox" ? (["sandbox"] as const) : [])] as const;

let node: string;
beforeAll(() => {
  node = mkdtempSync(join(tmpdir(), "smv-network-"));
});
afterAll(() => rmSync(node, { recursive: true, force: true }));
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function open(kind: "process" | "sandbox"): Promise<NetworkRig> {
  const rig = await openRig(node, kind === "sandbox" ? choice : unboxed);
  ends.push(() => rig.end());
  return rig;
}

function createAnswering(): Server {
  const server = createServer((socket) => socket.on("error", () => {}).end("tea"));
  ends.push(() => server.close());
  return server;
}

/** An address of the node besides loopback, where its services on all addresses answer too; loopback's where it has none. */
const ownAddress =
  Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "127.0.0.1";

describe.each(kinds)("[R48] [security 23] over the network in the %s runtime, a hostile program", (kind) => {
  const reached = kind === "process" ? "reached" : /^E(?:CONNREFUSED|NETUNREACH|HOSTUNREACH)$/;

  test.for(["127.0.0.1", "::1", ownAddress])("reaches a server of the node at %s: never in a sandbox", async (host) => {
    const port = await listenAt(createAnswering(), { host: host === ownAddress ? "0.0.0.0" : host, port: 0 });
    const { run } = await open(kind);
    expect(await run(connecting(`${port}, "${host}"`))).toMatch(reached);
  });

  test("reaches an abstract unix socket of the node: never in a sandbox", async () => {
    const name = `\0samovar-test-${process.pid}-${kind}`;
    const server = createAnswering();
    await new Promise<void>((resolve) => server.listen(name, resolve));
    const { run } = await open(kind);
    expect(await run(connecting(JSON.stringify(name)))).toMatch(reached);
  });

  test("[security 26] reaches another session's gateway: never in a sandbox", async () => {
    const [mine, other] = [await open(kind), await open(kind)];
    const ports = { api: "anthropic", random: systemRandom, log: silentLogger } as const;
    const gateway = await startGateway({ ...ports, listen: other.network?.listen });
    ends.push(() => gateway.close());
    const line = connecting(`${new URL(gateway.url).port}, "127.0.0.1"`);
    expect(await other.run(line)).toBe("reached");
    expect(await mine.run(line)).toMatch(reached);
  });

  test("[security 26] reaches its own gateway, with its key", async () => {
    const { run, network } = await open(kind);
    const ports = { api: "anthropic", random: systemRandom, log: silentLogger } as const;
    const gateway = await startGateway({ ...ports, listen: network?.listen });
    ends.push(() => gateway.close());
    const request = (key: string) => run(`curl -s -H 'x-api-key: ${key}' ${gateway.url}/v1/models`);
    expect(await request(gateway.key)).toContain("the gateway has no credential yet");
    expect(await request("wrong")).toContain("this gateway serves only its own session");
  });

  test("shares loopback with its workspace's services", async () => {
    const { run, runtime } = await open(kind);
    const serve = `"$NODE" -e 'const s = require("net").createServer((c) => c.end()).listen(0, () => console.log(s.address().port))'`;
    const service = runtime.start({
      argv: ["sh", "-c", `${serve} & wait`],
      env: { PATH: SYSTEM_PATH, NODE: process.execPath },
      stdin: "none",
      leavesServices: true,
    });
    const { value: port } = await createInterface(service.stdout)[Symbol.asyncIterator]().next();
    for (const host of ["127.0.0.1", "localhost"]) expect(await run(connecting(`${port}, "${host}"`))).toBe("reached");
    service.signal("SIGKILL");
    await service.exited;
  });
});

if (choice.kind === "sandbox") {
  describe("the network of a sandbox", () => {
    test.for(["93.184.216.34", "169.254.169.254", "10.0.0.1", "2606:4700:4700::1111", "fe80::1"])(
      "[R50] [security 24] has no way to %s",
      async (address) => {
        const { run } = await open("sandbox");
        expect(await run(connecting(`80, "${address}"`))).toMatch(/^E(?:NETUNREACH|HOSTUNREACH|INVAL|ADDRNOTAVAIL)$/);
      },
    );

    test("has a loopback interface and nothing else, and a program in it changes nothing of that", async () => {
      const { run } = await open("sandbox");
      expect(await run("sed 1,2d /proc/net/dev | cut -d: -f1 | tr -d ' '")).toBe("lo");
      expect(await run("sed 1d /proc/net/route")).toBe("");
      expect(await run("unshare --net true 2>/dev/null && echo reached")).toBe("");
      expect(await run("nsenter --net=/proc/1/ns/net true 2>/dev/null && echo reached")).toBe("");
      expect(await run("echo 1 >/proc/sys/net/ipv4/ip_forward && echo reached")).not.toContain("reached\n");
      // A namespace that a descriptor names could be entered again.
      expect(await run("ls -l /proc/[0-9]*/fd")).not.toMatch(/net:\[|user:\[|\/ns\//);
    });

    test("opens more listeners when it needs them", async () => {
      const { run, network } = await open("sandbox");
      for (const _ of [1, 2, 3]) {
        const port = await network?.listen(createAnswering());
        expect(await run(connecting(`${port}, "127.0.0.1"`))).toBe("reached");
      }
    });

    test("starts no program before it is open, or after it is closed", async () => {
      const rig = await open("sandbox");
      await rig.end();
      expect(() => rig.runtime.start({ argv: ["true"], env: {}, stdin: "none", leavesServices: false })).toThrow(
        "the workspace's network is not open",
      );
    });

    test("[security 23] works for a user without privileges too", async () => {
      const directory = mkdtempSync(join(tmpdir(), "smv-nobody-"));
      ends.push(() => rmSync(directory, { recursive: true, force: true }));
      chmodSync(directory, 0o755);
      mkdirSync(join(directory, "tmp"));
      chmodSync(join(directory, "tmp"), 0o777);
      copyFileSync(VM_AGENT_MODULE, join(directory, "vm-agent.cjs"));
      const asNobody = process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
      const [file = "", ...args] = [...asNobody, process.execPath, join(directory, "vm-agent.cjs"), "runtime"];
      const env = {
        PATH: SYSTEM_PATH,
        HOME: "/nonexistent",
        TMPDIR: join(directory, "tmp"),
        WORKSPACE_RUNTIME: "auto",
      };
      const { stdout } = await promisify(execFile)(file, [...args, join(directory, "state")], { env });
      expect(JSON.parse(stdout)).toMatchObject({ kind: "sandbox", reason: null });
    });

    test("[T1] [security 38] ends with its host, also when that is killed", async () => {
      const script = `
        const { openRig } = await import(${JSON.stringify(join(import.meta.dirname, "rig.testing.ts"))});
        const rig = await openRig(${JSON.stringify(node)}, ${JSON.stringify(choice)});
        const argv = ["sh", "-c", "echo runs; exec sleep 1000"];
        const { stdout } = rig.runtime.start({ argv, env: { PATH: "/usr/bin:/bin" }, stdin: "none", leavesServices: false });
        // A sandbox whose host dies before it has asked for the signal is left to the reaper.
        await new Promise((resolve) => stdout.once("data", resolve));
        console.log(await rig.run("readlink /proc/self/ns/net"));
        setInterval(() => {}, 1000);`;
      const host = spawn(process.execPath, ["--input-type=module", "-e", script], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      ends.push(() => host.kill("SIGKILL"));
      const { value: namespace } = await createInterface(host.stdout)[Symbol.asyncIterator]().next();
      expect(namespace).toMatch(/^net:\[\d+\]$/);
      expect(findInNetwork(String(namespace))).not.toEqual([]);
      host.kill("SIGKILL");
      await vi.waitFor(() => expect(findInNetwork(String(namespace))).toEqual([]));
    });

    test("its helper has gone when it is open: no process but the workspace's programs is inside", async () => {
      const { run } = await open("sandbox");
      const namespace = await run("readlink /proc/self/ns/net");
      await vi.waitFor(() => expect(findInNetwork(namespace)).toEqual([]));
    });
  });
}

/** Pids of the processes in this network. */
function findInNetwork(namespace: string): readonly string[] {
  return readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && readlinkSync(`/proc/${name}/ns/net`) === namespace;
    } catch {
      return false;
    }
  });
}
