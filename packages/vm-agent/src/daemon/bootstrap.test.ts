/** First boot against a real HTTP server. */
import { silentLogger, systemRandom } from "@samovar/base";
import { type TestTime, testTime } from "@samovar/testing";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readSettings } from "../settings.ts";
import { BootstrapRefusedError, obtainIdentity } from "./bootstrap.ts";
import { TestControlPlane } from "./control-plane.testing.ts";
import { makeDirectory } from "./git/repositories.testing.ts";

vi.setConfig({ testTimeout: 60_000 });
const eventually = (check: () => void) => vi.waitFor(check, { interval: 5 });

let root: string;
let plane: TestControlPlane;
let timers: TestTime;
let now: number;
let stop: AbortController;

beforeEach(async () => {
  root = makeDirectory();
  plane = await new TestControlPlane().start();
  timers = testTime();
  now = 0;
  stop = new AbortController();
  mkdirSync(join(root, "etc"));
  const { url, nodeId, bootstrapToken } = plane;
  writeFileSync(
    join(root, "etc/agent.json"),
    JSON.stringify({ controlPlaneUrl: `${url}/`, nodeId, bootstrapToken, stateDir: "/state" }),
  );
});
afterEach(() => {
  plane.stop();
  rmSync(root, { recursive: true, force: true });
});

const settings = () => readSettings(join(root, "etc/agent.json"), { SAMOVAR_ROOT: root });
const obtain = (fetch: typeof globalThis.fetch = globalThis.fetch) =>
  obtainIdentity(settings(), {
    fetch,
    clock: { now: () => now },
    timers,
    random: systemRandom,
    logger: silentLogger,
    signal: stop.signal,
  });
const identityFile = () => readFileSync(join(root, "state/identity.json"), "utf8");
const waiting = (ms: number) => eventually(() => expect(timers.untilNext()).toBeLessThanOrEqual(ms));
const enrolled = { phase: "enrolled", nodeToken: "node-token-first", epoch: 3 };

test("[security 6] exchanges the token for an identity, stores it privately, and deletes the token", async () => {
  expect(await obtain()).toMatchObject(enrolled);
  expect(JSON.parse(identityFile())).toMatchObject(enrolled);
  expect(statSync(join(root, "state/identity.json")).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(root, "etc/agent.json"), "utf8")).not.toContain(plane.bootstrapToken);
  // The next start sends no request.
  plane.stop();
  expect(await obtain()).toMatchObject(enrolled);
});

test("[security 25] removes the server's user data once it has an identity, and again what a later boot brings", async () => {
  const instance = join(root, "var/lib/cloud/instances/i-1");
  const kept = join(instance, "boot-finished");
  const data = ["user-data.txt", "user-data.txt.i", "cloud-config.txt", "obj.pkl"].map((name) => join(instance, name));
  data.push(join(root, "run/cloud-init/instance-data-sensitive.json"));
  const write = () => {
    mkdirSync(instance, { recursive: true });
    mkdirSync(join(root, "run/cloud-init"), { recursive: true });

    for (const path of [...data, kept]) writeFileSync(path, plane.bootstrapToken);
  };
  write();
  plane.bootstrapFault = () => (existsSync(data[0] ?? "") ? "none" : "refuse");
  for (let boot = 1; boot <= 2; boot++) {
    expect(await obtain()).toMatchObject(enrolled);
    expect(data.filter((path) => existsSync(path))).toEqual([]);
    expect(existsSync(kept)).toBe(true);
    write();
  }
});

test("[F4] retries a lost answer with the same claim, which was on disk before it was sent", async () => {
  const seen: string[] = [];
  plane.bootstrapFault = () => {
    seen.push(identityFile());
    return plane.claims.length === 0 ? "drop-reply" : "none";
  };
  const identity = obtain();
  await waiting(250);
  timers.advance(250);
  expect(await identity).toMatchObject(enrolled);
  expect(plane.claims).toHaveLength(2);
  expect(new Set(plane.claims).size).toBe(1);
  expect(seen[0]).toContain(plane.claims[0]);
});

test("[F5] continues with the same claim after a crash", async () => {
  plane.bootstrapFault = () => "drop-reply";
  const first = obtain();
  await waiting(250);
  stop.abort(new Error("killed"));
  await expect(first).rejects.toThrow("killed");
  stop = new AbortController();
  plane.bootstrapFault = () => "none";
  expect(await obtain()).toMatchObject(enrolled);
  expect(new Set(plane.claims).size).toBe(1);
});

test("[F7] retries an unavailable control plane with growing delays", async () => {
  plane.bootstrapFault = () => "unavailable";
  const identity = obtain();
  for (const limit of [250, 500, 1000, 2000]) {
    await waiting(limit);
    expect(timers.untilNext()).toBeGreaterThanOrEqual(limit / 2);
    if (limit === 2000) plane.bootstrapFault = () => "none";
    timers.advance(limit);
  }
  expect(await identity).toMatchObject(enrolled);
});

test("[security 6] retries a refused token slowly, and gives up after half an hour", async () => {
  plane.bootstrapFault = () => "refuse";
  const identity = obtain();
  const refused = expect(identity).rejects.toThrow(BootstrapRefusedError);
  for (const minutes of [0, 10, 20, 30]) {
    if (minutes > 0) {
      now = minutes * 60_000;
      timers.advance(60_000);
    }
    if (minutes < 30) await eventually(() => expect(timers.untilNext()).toBe(60_000));
  }
  await refused;
});

test("reports all invalid settings at once", () => {
  writeFileSync(
    join(root, "etc/agent.json"),
    JSON.stringify({ controlPlaneUrl: "ftp://x", nodeId: "x", stateDir: "state" }),
  );
  expect(() => readSettings(join(root, "etc/agent.json"), { SAMOVAR_AGENTS_DIR: "relative" })).toThrow(
    /controlPlaneUrl[\s\S]*nodeId[\s\S]*stateDir[\s\S]*SAMOVAR_AGENTS_DIR/,
  );
});
