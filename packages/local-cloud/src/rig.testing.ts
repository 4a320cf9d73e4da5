/** A local cloud with a control plane that serves a tiny vm-agent: real user data, real processes. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import { renderUserData } from "@samovar/cloud-init";
import { nodeId } from "@samovar/contracts";
import { expect, vi } from "vitest";
import { type LocalCloud, type LocalCloudOptions, startLocalCloud } from "./index.ts";
import { findMembers, processTable } from "./machine/process-table.ts";

export const TOKEN = "local-token";
export const WAIT = { interval: 50 } as const;

/**
 * Notes each of its starts, and keeps one detached host that does not listen to SIGTERM. Says that it has started at
 * once, or when the file `SAMOVAR_TEST_READY` is there.
 */
const TINY_AGENT = `
const { spawn } = require("node:child_process");
const { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync, writeSync } = require("node:fs");
const [mode, file] = process.argv.slice(2);
if (mode === "host") {
  process.on("SIGTERM", () => {});
  writeFileSync(file, String(process.pid));
  setInterval(() => {}, 1e6);
} else {
  const settings = JSON.parse(readFileSync(file, "utf8"));
  const dir = process.env.SAMOVAR_ROOT + settings.stateDir;
  mkdirSync(dir, { recursive: true });
  if (!existsSync(dir + "/host")) spawn(process.execPath, [process.argv[1], "host", dir + "/host"], { detached: true, stdio: "ignore" }).unref();
  console.log("agent " + process.pid);
  appendFileSync(dir + "/starts", JSON.stringify({ pid: process.pid, mode, settings, env: process.env }) + "\\n");
  process.on("SIGTERM", () => process.exit(0));
  const isReady = () => existsSync(process.env.SAMOVAR_TEST_READY ?? dir);
  const looking = setInterval(() => {
    if (!isReady()) return;
    clearInterval(looking);
    writeSync(Number(process.env.SAMOVAR_READY_FD), "\\n");
  }, 20);
  setInterval(() => {}, 1e6);
}
`;

export interface AgentStart {
  readonly pid: number;
  readonly mode: string;
  readonly settings: Record<string, string>;
  readonly env: Record<string, string>;
}

export interface Rig {
  readonly dataDir: string;
  readonly userData: string;
  /** Downloads of the vm-agent. */
  downloads(): number;
  start(over?: Partial<LocalCloudOptions>): Promise<LocalCloud>;
  /** `METHOD /path`, answered with status and parsed body. */
  call(
    cloud: { readonly url: string },
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; headers: Headers; body: Record<string, never> }>;
  create(
    cloud: { readonly url: string },
    name: string,
    userData?: string,
    labels?: Record<string, string>,
  ): Promise<number>;
  starts(id: number): AgentStart[];
  hostPid(id: number): number;
  /** Waits for the `count`th start of the server's agent, and its host. */
  agentUp(id: number, count?: number): Promise<AgentStart>;
  status(cloud: { readonly url: string }, id: number): Promise<string>;
  /** Processes of any of this cloud's servers. */
  processes(ids: readonly number[]): readonly number[];
  close(): Promise<void>;
}

export async function makeRig(): Promise<Rig> {
  const dataDir = mkdtempSync(join(tmpdir(), "samovar-cloud-"));
  const clouds: LocalCloud[] = [];
  let downloads = 0;
  const controlPlane = createServer((_, response) => {
    downloads++;
    response.end(TINY_AGENT);
  });
  await new Promise<void>((resolve) => controlPlane.listen(0, "127.0.0.1", resolve));
  const address = controlPlane.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const userData = renderUserData({
    agent: {
      controlPlaneUrl: `http://127.0.0.1:${address.port}`,
      nodeId: nodeId.parse("nod_01kamhsyv70000000000000000"),
      bootstrapToken: 'it\'s "one" $token\nof é many',
      stateDir: "/var/lib/samovar",
    },
    release: {
      version: "0.1.0",
      path: "/agent/vm-agent.cjs",
      sha256: sha256(TINY_AGENT),
    },
    environment: { SANDBOX_READ_ONLY_PATHS: '/srv/tools of "all":/100%' },
    hostname: "samovar-1",
  });
  const inState = (id: number, name: string) => join(dataDir, "vm", String(id), "var/lib/samovar", name);

  const rig: Rig = {
    dataDir,
    userData,
    downloads: () => downloads,
    async start(over = {}) {
      const cloud = await startLocalCloud({
        dataDir,
        token: TOKEN,
        nodeBinary: process.execPath,
        stopGraceMs: 300,
        logger: silentLogger,
        ...over,
      });
      clouds.push(cloud);
      return cloud;
    },
    async call(cloud, method, path, body) {
      const reply = await fetch(cloud.url + path, {
        method,
        headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      return { status: reply.status, headers: reply.headers, body: JSON.parse(await reply.text()) };
    },
    async create(cloud, name, text = userData, labels = {}) {
      const { status, body } = await rig.call(cloud, "POST", "/servers", {
        name,
        server_type: "local2",
        image: "debian-12",
        user_data: text,
        labels,
      });
      expect(status).toBe(201);
      return Number(body["server"]?.["id"]);
    },
    starts: (id) =>
      existsSync(inState(id, "starts"))
        ? readFileSync(inState(id, "starts"), "utf8")
            .trimEnd()
            .split("\n")
            .map((line) => JSON.parse(line))
        : [],
    hostPid: (id) => Number(readFileSync(inState(id, "host"), "utf8")),
    agentUp: (id, count = 1) =>
      vi.waitFor(() => {
        const start = rig.starts(id)[count - 1];
        if (start === undefined || !(rig.hostPid(id) > 0))
          throw new Error(`the agent has not started ${count} times: ${bootLog(dataDir, id)}`);
        return start;
      }, WAIT),
    async status(cloud, id) {
      const { body } = await rig.call(cloud, "GET", `/servers/${id}`);
      return String(body["server"]?.["status"]);
    },
    processes(ids) {
      const { mark } = JSON.parse(readFileSync(join(dataDir, "cloud.json"), "utf8"));
      return ids.flatMap((id) =>
        findMembers(processTable(), `SAMOVAR_SERVER_ID=${mark}-${id}`, []).map((entry) => entry.pid),
      );
    },
    async close() {
      for (const cloud of clouds) await cloud.close();
      controlPlane.closeAllConnections();
      await new Promise((resolve) => controlPlane.close(resolve));
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  return rig;
}

function bootLog(dataDir: string, id: number): string {
  const path = join(dataDir, "log", String(id), "cloud-init.log");
  return existsSync(path) ? readFileSync(path, "utf8") : "no log";
}
