/** Installations with the real npm, from a registry on loopback. */
import { silentLogger } from "@samovar/base";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { createServer } from "node:http";
import { join } from "node:path";
import { noStartGate } from "@samovar/processes";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { makeDirectory } from "../daemon/git/repositories.testing.ts";
import type { AgentPackage } from "@samovar/contracts";
import type { InstallPorts } from "./install.ts";
import { installAgent } from "./install.ts";

vi.setConfig({ testTimeout: 90_000 });

const PACKAGE: AgentPackage = { name: "tea-agent", version: "1.0.0", bin: "tea" };
let root: string;
let server: Server;
let registry: string;
let requests: string[];
let isAway: boolean;
let tarball: Buffer;

beforeEach(async () => {
  root = makeDirectory();
  requests = [];
  isAway = false;
  tarball = makeTarball();
  server = createServer((request, response) => {
    requests.push(request.url ?? "");
    if (isAway) return void response.writeHead(404).end("{}");
    if (request.url?.endsWith(".tgz")) return void response.end(tarball);
    const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
    const name = request.url?.slice(1) ?? "";
    const version = {
      name,
      version: "1.0.0",
      scripts: { install: "touch canary" },
      dist: { tarball: `${registry}/tea-agent-1.0.0.tgz`, integrity },
    };
    response
      .setHeader("content-type", "application/json")
      .end(JSON.stringify({ name, "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": version } }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  registry = `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
});

/** `manifest` declares its program. */
function makeTarball(manifest: object = { bin: { tea: "index.js" } }, code = "console.log('tea');"): Buffer {
  mkdirSync(join(root, "pack/package"), { recursive: true });
  writeFileSync(
    join(root, "pack/package/package.json"),
    JSON.stringify({
      name: "tea-agent",
      version: "1.0.0",
      ...manifest,
      scripts: { install: "touch canary" },
    }),
  );
  writeFileSync(join(root, "pack/package/index.js"), `${code}\n`);
  mkdirSync(join(root, "pack/package/bin"), { recursive: true });
  writeFileSync(join(root, "pack/package/bin/tea"), "\x7fELF", { mode: 0o755 });
  execFileSync("tar", ["-czf", "../tea.tgz", "package"], { cwd: join(root, "pack") });
  return readFileSync(join(root, "tea.tgz"));
}

function ports(change: Partial<InstallPorts> = {}): InstallPorts {
  const env = { PATH: process.env["PATH"], HOME: root, npm_config_registry: registry, npm_config_fetch_retries: "0" };
  return {
    agentsDir: join(root, "agents"),
    timeoutMs: 60_000,
    env,
    logger: silentLogger,
    signal: new AbortController().signal,
    starts: noStartGate,
    onDelayed: () => {},
    ...change,
  };
}
const tarballs = () => requests.filter((url) => url.endsWith(".tgz")).length;
const directory = () => join(root, "agents/tea-agent-1.0.0");

test("installs a package once for concurrent requests, and does not run its scripts", async () => {
  const answers = await Promise.all([
    installAgent(PACKAGE, ports()),
    installAgent(PACKAGE, ports()),
    installAgent(PACKAGE, ports()),
  ]);
  const argv = [process.execPath, join(directory(), "node_modules/tea-agent/index.js")];
  expect(answers).toEqual([1, 2, 3].map(() => ({ ok: true, value: argv })));
  expect(tarballs()).toBe(1);
  expect(existsSync(join(directory(), "node_modules/tea-agent/canary"))).toBe(false);
  expect(readdirSync(join(root, "agents")).toSorted()).toEqual(["tea-agent-1.0.0", "tea-agent-1.0.0.lock"]);
  isAway = true;
  expect(await installAgent(PACKAGE, ports())).toMatchObject({ ok: true });
});

test("enters the start gate only for the request that installs, and releases the permit", async () => {
  const taken: string[] = [];
  const release = () => void taken.push("released");
  const starts: InstallPorts["starts"] = {
    enter: async ({ onDelayed }) => {
      taken.push("entered");
      onDelayed?.();
      return { release };
    },
  };
  const onDelayed = () => void taken.push("delayed");
  isAway = true;
  expect(await installAgent(PACKAGE, ports({ starts, onDelayed }))).toMatchObject({ ok: false });
  isAway = false;
  await Promise.all([1, 2, 3].map(() => installAgent(PACKAGE, ports({ starts, onDelayed }))));
  const once = ["entered", "delayed", "released"];
  expect(taken).toEqual([...once, ...once]);
});

test("stops waiting at the start gate on a cancel, and installs nothing", async () => {
  const cancel = new AbortController();
  const starts: InstallPorts["starts"] = {
    enter: async () => {
      cancel.abort(new Error("cancelled"));
      return { release: () => {} };
    },
  };
  await expect(installAgent(PACKAGE, ports({ starts, signal: cancel.signal }))).rejects.toThrow("cancelled");
  expect(requests).toEqual([]);
});

test("replaces what an interrupted installation left behind", async () => {
  mkdirSync(join(root, "agents/tea-agent-1.0.0.partial/node_modules/tea-agent"), { recursive: true });
  mkdirSync(join(directory(), "node_modules/tea-agent"), { recursive: true });
  expect(await installAgent(PACKAGE, ports())).toMatchObject({ ok: true });
  expect(existsSync(join(directory(), "node_modules/tea-agent/index.js"))).toBe(true);
});

test("reports a missing package in npm's words, and can succeed at the next attempt", async () => {
  isAway = true;
  const failed = await installAgent(PACKAGE, ports());
  expect(failed).toMatchObject({
    ok: false,
    error: { code: "agent_install_failed", message: expect.stringContaining("404") },
  });
  isAway = false;
  expect(await installAgent(PACKAGE, ports())).toMatchObject({ ok: true });
});

test("installs only this platform's package of an agent with one package per platform", async () => {
  tarball = makeTarball({});
  const many = { ...PACKAGE, platforms: { "linux-x64": "tea-linux-x64", "linux-arm64-musl": "tea-linux-arm64-musl" } };
  const program = join(root, "agents/tea-linux-arm64-musl-1.0.0/node_modules/tea-linux-arm64-musl/bin/tea");
  expect(await installAgent(many, ports({ platform: "linux-arm64-musl" }))).toEqual({ ok: true, value: [program] });
  expect(requests.filter((url) => !url.includes("arm64-musl") && !url.endsWith(".tgz"))).toEqual([]);
  expect(await installAgent(many, ports({ platform: "linux-riscv64" }))).toMatchObject({
    ok: false,
    error: { message: expect.stringContaining("no program for linux-riscv64") },
  });
});

test("does not install a program that fails to run on this node, and reports its output", async () => {
  const tried = { ...PACKAGE, versionArgs: ["tea"] };
  const fails =
    "if (process.argv[2] === 'tea' && process.env.HOME.endsWith('.home')) { console.error('wrong libc'); process.exit(3); }";
  tarball = makeTarball({ bin: { tea: "index.js" } }, fails);
  expect(await installAgent(tried, ports())).toMatchObject({
    ok: false,
    error: { code: "agent_install_failed", message: expect.stringMatching(/does not run.*exit code 3: wrong libc/) },
  });
  expect(existsSync(directory())).toBe(false);
  tarball = makeTarball({ bin: { tea: "index.js" } }, "console.log('Tea 1.0.0');");
  expect(await installAgent(tried, ports())).toMatchObject({ ok: true });
  expect(existsSync(join(directory(), ".home"))).toBe(false);
});

test("reports a node without npm", async () => {
  const failed = await installAgent(PACKAGE, ports({ env: { PATH: join(root, "nowhere"), HOME: root } }));
  expect(failed).toMatchObject({
    ok: false,
    error: { message: expect.stringContaining("npm is not on this node's PATH") },
  });
});

test("[F46] ends a cancelled installation", async () => {
  const stop = new AbortController();
  server.removeAllListeners("request");
  server.on("request", () => stop.abort(new Error("enough")));
  await expect(installAgent(PACKAGE, ports({ signal: stop.signal }))).rejects.toThrow("enough");
});

test("reports an installation that takes too long", async () => {
  server.removeAllListeners("request");
  const failed = await installAgent(PACKAGE, ports({ timeoutMs: 3_000 }));
  expect(failed).toMatchObject({ ok: false, error: { message: expect.stringContaining("longer than 3 s") } });
});
