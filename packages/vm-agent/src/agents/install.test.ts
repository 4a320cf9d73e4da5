/** Installations with the real npm, from a registry on loopback. */
import { silentLogger, systemClock } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import type { Server } from "node:http";
import { createServer } from "node:http";
import { join } from "node:path";
import { noStartGate } from "@samovar/processes";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { makeDirectory } from "../daemon/git/repositories.testing.ts";
import type { AgentPackage } from "@samovar/contracts";
import type { InstallPorts } from "./install.ts";
import { installAgent } from "./install.ts";
import { TreeChecks } from "./tree-checks.ts";

vi.setConfig({ testTimeout: 90_000 });

const PACKAGE: AgentPackage = { name: "tea-agent", version: "1.0.0", bin: "tea" };
let root: string;
let server: Server;
let registry: string;
let requests: string[];
let isAway: boolean;
let tarball: Buffer;
/** Lockfiles that the control plane serves, by digest. */
let lockfiles: Map<string, string>;
/** What was reported about trees that were not trusted. */
let rejected: string[];
/** Of the tea agent. */
let folder: string;

beforeEach(async () => {
  root = makeDirectory();
  requests = [];
  isAway = false;
  tarball = makeTarball();
  lockfiles = new Map();
  rejected = [];
  folder = "tea-agent-1.0.0";
  server = createServer((request, response) => {
    requests.push(request.url ?? "");
    const digest = /^\/agent\/lockfiles\/(\w+)\.json$/.exec(request.url ?? "")?.[1];
    if (digest !== undefined) {
      const lockfile = lockfiles.get(digest);
      return void response.writeHead(lockfile === undefined ? 404 : 200).end(lockfile);
    }
    if (isAway) return void response.writeHead(404).end("{}");
    if (request.url?.endsWith(".tgz")) return void response.end(tarball);
    const integrity = getIntegrity();
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

const getIntegrity = () => `sha512-${createHash("sha512").update(tarball).digest("base64")}`;

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
    controlPlaneUrl: registry,
    trees: new TreeChecks(systemClock),
    timeoutMs: 60_000,
    env,
    logger: silentLogger,
    signal: new AbortController().signal,
    starts: noStartGate,
    onDelayed: () => {},
    onRejected: (message) => void rejected.push(message),
    ...change,
  };
}
const tarballs = () => requests.filter((url) => url.endsWith(".tgz")).length;
const directory = () => join(root, "agents", folder);

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

test("[security 35] installs nothing unchecked on a platform without a shipped lockfile, and says what to do", async () => {
  const platforms = { "linux-x64": "tea-linux-x64", "darwin-arm64": "tea-darwin-arm64" };
  const many = { ...PACKAGE, platforms, lockfiles: { "tea-linux-x64": "0".repeat(64) } };
  const failed = await installAgent(many, ports({ platform: "darwin-arm64" }));
  expect(failed).toMatchObject({ ok: false, error: { code: "agent_install_failed" } });
  expect(failed.ok ? "" : failed.error.message).toBe(
    "The agent tea-darwin-arm64 1.0.0 could not be installed: Samovar has no lockfile for it on darwin-arm64, and so cannot " +
      "check what it would download. Choose another agent, or add this package as a custom agent: samovar agents add",
  );
  expect(requests).toEqual([]);
  expect(existsSync(join(root, "agents"))).toBe(false);
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

/** The tea agent with a lockfile that the control plane serves. */
function lockTea(integrity = getIntegrity()): AgentPackage {
  const name = "tea-agent";
  const locked = {
    version: "1.0.0",
    resolved: "https://registry.npmjs.org/tea-agent/-/tea-agent-1.0.0.tgz",
    integrity,
  };
  const text = JSON.stringify({
    name: "agent",
    lockfileVersion: 3,
    requires: true,
    packages: {
      "": { dependencies: { [name]: "1.0.0" } },
      [`node_modules/${name}`]: { ...locked, bin: { tea: "index.js" } },
    },
  });
  const digest = sha256(text);
  lockfiles.set(digest, text);
  folder = `tea-agent-1.0.0-${digest.slice(0, 12)}`;
  return { ...PACKAGE, lockfiles: { [name]: digest } };
}

const inTree = (path: string) => join(directory(), "node_modules/tea-agent", path);

test("[security 36] installs exactly what the shipped lockfile names, and downloads the lockfile once", async () => {
  const locked = lockTea();
  expect(await installAgent(locked, ports())).toMatchObject({ ok: true });
  expect(requests.filter((url) => url === "/tea-agent")).toEqual([]);
  rmSync(directory(), { recursive: true });
  expect(await installAgent(locked, ports())).toMatchObject({ ok: true });
  expect(requests.filter((url) => url.startsWith("/agent/lockfiles/"))).toHaveLength(1);
});

test("[security 36] installs into a directory behind a symbolic link, as some homes are", async () => {
  mkdirSync(join(root, "disk"));
  symlinkSync(join(root, "disk"), join(root, "home"));
  const agentsDir = join(root, "home/agents");
  const argv = await installAgent(lockTea(), ports({ agentsDir }));
  expect(argv).toMatchObject({ ok: true, value: [process.execPath, expect.stringContaining(agentsDir)] });
});

test("[security 36] does not install a package with other contents than its lockfile names", async () => {
  const locked = lockTea();
  tarball = makeTarball({ bin: { tea: "index.js" } }, "console.log('poison');");
  expect(await installAgent(locked, ports())).toMatchObject({
    ok: false,
    error: { code: "agent_install_failed", message: expect.stringContaining("EINTEGRITY") },
  });
  expect(existsSync(directory())).toBe(false);
});

test("[security 35] does not install from a lockfile that is missing or has another digest", async () => {
  const locked = lockTea();
  const [digest = ""] = lockfiles.keys();
  lockfiles.set(digest, "{}");
  expect(await installAgent(locked, ports())).toMatchObject({
    ok: false,
    error: { code: "agent_install_failed", message: expect.stringContaining("another lockfile") },
  });
  lockfiles.clear();
  expect(await installAgent(locked, ports())).toMatchObject({
    ok: false,
    error: {
      message: expect.stringContaining("its lockfile could not be downloaded from the control plane: it answered 404"),
    },
  });
  expect(tarballs()).toBe(0);
});

test("[security 36] does not run a package that was installed without the shipped lockfile", async () => {
  expect(await installAgent(PACKAGE, ports())).toMatchObject({ ok: true });
  const unlocked = inTree("index.js");
  const found = await installAgent(lockTea(), ports());
  expect(found).toEqual({ ok: true, value: [process.execPath, inTree("index.js")] });
  expect(inTree("index.js")).not.toBe(unlocked);
  expect(rejected).toEqual([]);
});

test("[security 36] keeps the lockfile of an added agent's first installation for later ones", async () => {
  expect(await installAgent(PACKAGE, ports())).toMatchObject({ ok: true });
  rmSync(directory(), { recursive: true });
  rmSync(join(root, ".npm"), { recursive: true, force: true });
  tarball = makeTarball({ bin: { tea: "index.js" } }, "console.log('published anew');");
  expect(await installAgent(PACKAGE, ports())).toMatchObject({
    ok: false,
    error: { message: expect.stringContaining("EINTEGRITY") },
  });
});

test("[security 35] makes installed files read-only and, whatever the umask, readable for users of workspaces, who cannot list what is installed", async () => {
  const umask = process.umask(0o077);
  try {
    expect(await installAgent(PACKAGE, ports())).toMatchObject({ ok: true });
  } finally {
    process.umask(umask);
  }
  expect(statSync(inTree("index.js")).mode & 0o777).toBe(0o444);
  expect(statSync(inTree("bin/tea")).mode & 0o777).toBe(0o555);
  expect(statSync(inTree("bin")).mode & 0o777).toBe(0o755);
  expect(statSync(join(root, "agents")).mode & 0o777).toBe(0o711);
  expect(statSync(join(root, "agents-records")).mode & 0o777).toBe(0o700);
});

test("[security 35] does not run a planted agent but installs it, and reports that", async () => {
  mkdirSync(inTree("."), { recursive: true });
  writeFileSync(inTree("package.json"), JSON.stringify({ version: "1.0.0", bin: { tea: "planted.js" } }));
  writeFileSync(inTree("planted.js"), "console.log('planted');");
  const argv = [process.execPath, inTree("index.js")];
  expect(await installAgent(PACKAGE, ports())).toEqual({ ok: true, value: argv });
  expect(existsSync(inTree("planted.js"))).toBe(false);
  expect(rejected).toEqual([expect.stringContaining("has no record of its installation. It was not run")]);
});

/** Replaces a file and gives it the old one's size and times, as far as a user can. */
function forge(file: string): void {
  const { atime, mtime, size, mode } = statSync(file);
  chmodSync(file, 0o644);
  writeFileSync(file, "x".repeat(size));
  chmodSync(file, mode);
  utimesSync(file, atime, mtime);
}

test.each<[what: string, change: () => void]>([
  ["a changed file of the same size and time", () => forge(inTree("index.js"))],
  ["an added file", () => writeFileSync(inTree("added.js"), "")],
  ["a removed file", () => unlinkSync(inTree("bin/tea"))],
  ["an added directory", () => mkdirSync(join(directory(), "node_modules/other"))],
  ["another mode", () => chmodSync(inTree("index.js"), 0o755)],
  [
    "a changed link",
    () => {
      const link = join(directory(), "node_modules/.bin/tea");
      expect(readlinkSync(link)).toBe("../tea-agent/index.js");
      unlinkSync(link);
      symlinkSync("../tea-agent/other.js", link);
    },
  ],
  [
    "a file replaced by a link",
    () => {
      cpSync(inTree("index.js"), join(root, "elsewhere.js"));
      unlinkSync(inTree("index.js"));
      symlinkSync(join(root, "elsewhere.js"), inTree("index.js"));
    },
  ],
  [
    "its directory replaced by a link to a copy",
    () => {
      cpSync(directory(), join(root, "copy"), { recursive: true, verbatimSymlinks: true });
      rmSync(directory(), { recursive: true });
      symlinkSync(join(root, "copy"), directory());
    },
  ],
  ["a damaged record", () => writeFileSync(join(root, "agents-records", `${folder}.json`), "{")],
])("[security 35] replaces an installation with %s, and reports that once", async (_what, change) => {
  const locked = lockTea();
  await installAgent(locked, ports());
  const installed = readFileSync(inTree("index.js"), "utf8");
  change();
  expect(await installAgent(locked, ports())).toMatchObject({ ok: true });
  expect(readFileSync(inTree("index.js"), "utf8")).toBe(installed);
  expect(readdirSync(inTree(".")).toSorted()).toEqual(["bin", "index.js", "package.json"]);
  expect(await installAgent(locked, ports())).toMatchObject({ ok: true });
  expect(rejected).toHaveLength(1);
});

test("[security 35] accepts a tree that was copied without a change, and reads its contents once", async () => {
  await installAgent(PACKAGE, ports());
  cpSync(directory(), join(root, "copy"), { recursive: true, verbatimSymlinks: true });
  rmSync(directory(), { recursive: true });
  cpSync(join(root, "copy"), directory(), { recursive: true, verbatimSymlinks: true });
  const record = () => readFileSync(join(root, "agents-records/tea-agent-1.0.0.json"), "utf8");
  const before = record();
  isAway = true;
  expect(await installAgent(PACKAGE, ports())).toMatchObject({ ok: true });
  expect(rejected).toEqual([]);
  const after = record();
  expect(after).not.toBe(before);
  expect(await installAgent(PACKAGE, ports())).toMatchObject({ ok: true });
  expect(record()).toBe(after);
});

test("[security 35] a check counts for the starts of the next seconds, and not longer", async () => {
  let now = 1_000_000;
  const trees = new TreeChecks({ now: () => now });
  await installAgent(PACKAGE, ports());
  await installAgent(PACKAGE, ports({ trees }));
  forge(inTree("index.js"));
  now += 9_000;
  await installAgent(PACKAGE, ports({ trees }));
  expect(rejected).toEqual([]);
  now += 2_000;
  await installAgent(PACKAGE, ports({ trees }));
  expect(rejected).toHaveLength(1);
});

test("[security 35] two daemons that find a changed tree at once replace it once", async () => {
  await installAgent(PACKAGE, ports());
  forge(inTree("index.js"));
  const answers = await Promise.all([installAgent(PACKAGE, ports()), installAgent(PACKAGE, ports())]);
  expect(answers).toMatchObject([{ ok: true }, { ok: true }]);
  expect(rejected).toHaveLength(1);
});

test("replaces an installation that was interrupted before its record was written", async () => {
  await installAgent(PACKAGE, ports());
  rmSync(join(root, "agents-records/tea-agent-1.0.0.json"));
  expect(await installAgent(PACKAGE, ports())).toMatchObject({ ok: true });
  expect(rejected).toHaveLength(1);
  isAway = true;
  expect(await installAgent(PACKAGE, ports())).toMatchObject({ ok: true });
});
