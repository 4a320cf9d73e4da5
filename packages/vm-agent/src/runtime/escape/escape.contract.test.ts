/** The escape suite: what leaves a workspace in each runtime. Without a wall the probes succeed, which shows that they can. */
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { reportOmission } from "@samovar/testing";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { FILE_PROBES } from "./files.ts";
import { findModes, NO_WALL } from "./kinds.testing.ts";
import { KERNEL_PROBES } from "./kernel.ts";
import { METADATA_PROBES, NETWORK_PROBES } from "./network.ts";
import type { EscapeProbe } from "./probe.ts";
import { PROCESS_PROBES, SURVIVORS } from "./processes.ts";
import {
  type Outcome,
  type Session,
  type Stage,
  findSleepers,
  openSession,
  openStage,
  runControl,
  runProbes,
} from "./stage.testing.ts";
import { PROBE_GROUPS } from "./suite.ts";

// Each probe has a limit of its own; these are for a machine that is busy with others.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 900_000 });

const isRoot = process.getuid?.() === 0;
const PROBES = [...FILE_PROBES, ...PROCESS_PROBES, ...KERNEL_PROBES, ...NETWORK_PROBES];
const { modes, engine, withoutDocker, stop } = await findModes();

const stages: Stage[] = [];
afterAll(async () => {
  for (const stage of stages) await stage.end();
  await stop();
});
/** Without an engine, docker's part of the suite is named and counted at the end of the run. */
afterAll(() => {
  const tests = isRoot ? 2 * (PROBES.length + 2) : PROBES.length + 1;
  if (withoutDocker !== null) reportOmission({ what: "the escape suite in docker", tests, reason: withoutDocker });
});

async function open(mode: (typeof modes)[number]): Promise<Session> {
  const stage = await openStage(mode, engine);
  stages.push(stage);
  return openSession(stage);
}

/** Null: it depends on the machine. A user who is not root may have a right that this kernel gives to all. */
function expectWithoutWall({ process: reach, needs }: EscapeProbe): boolean | null {
  if (needs !== undefined && !existsSync(needs)) return null;
  if (reach === "as root") return isRoot ? true : null;
  return reach === "always";
}

/** By runtime, then by probe. */
const outcomes = new Map<string, ReadonlyMap<string, Outcome>>();

describe.each(modes)("[R48] [security 23] a hostile program in the $name runtime", (mode) => {
  const { name: kind, runtime, hasUsers } = mode;

  beforeAll(async () => {
    const session = await open(mode);
    try {
      outcomes.set(kind, await runProbes(session, PROBES));
    } finally {
      await session.end();
    }
  });

  test.for(PROBES)("$what: $process without a wall, else never unless the page names it", (probe) => {
    const found = outcomes.get(kind)?.get(probe.what);
    const open = outcomes.get(NO_WALL.name)?.get(probe.what)?.hasReached;
    expect(found?.output).not.toMatch(/: not found$/m);
    const expected = () => {
      if (runtime !== "process") return probe.holes?.[runtime] === undefined ? false : open;
      if (!hasUsers) return expectWithoutWall(probe) ?? open;
      if (probe.ownUser === "by machine") return found?.hasReached;
      return probe.ownUser === "always" && open;
    };
    expect(found?.hasReached, found?.output).toBe(expected());
  });

  test("[security 38] outlives its session: only without a wall", async () => {
    const session = await open(mode);
    const first = 70_000 + (process.pid % 10_000) * 10;
    const daemons = SURVIVORS.filter((probe) => isRoot || probe.process !== "as root").map((probe, at) => ({
      probe,
      seconds: first + at,
    }));
    try {
      const left = await leaveDaemons(session, daemons);
      const expected = daemons.filter(({ probe }) => mode === NO_WALL && probe.process !== "never");
      expect(left).toEqual(expected.map(({ probe }) => probe.what));
    } finally {
      for (const { seconds } of daemons) for (const pid of findSleepers(seconds)) process.kill(pid, "SIGKILL");
      await session.end();
    }
  });
});

/** Gives the namespace's loopback interface, which begins without any, both addresses; then runs its arguments. */
const WITH_METADATA_ADDRESS = `use Socket; socket(my $s, 2, 2, 0) or die;
  for (["lo", "127.0.0.1"], ["lo:1", "169.254.169.254"]) {
    my $address = pack("a16 S n a4 x8", $_->[0], 2, 0, inet_aton($_->[1]));
    ioctl($s, 0x8916, $address) or die $!;
    my $up = pack("a16 s x14", $_->[0], 0x41);
    ioctl($s, 0x8914, $up) or die $!;
  }
  exec { $ARGV[0] } @ARGV`;

/** Answers where metadata services do, runs their probes, and prints what was reached. */
const createMetadataScript = (mode: (typeof modes)[number]) => `
  const { openSession, openStage, runProbes } = await import(${JSON.stringify(join(import.meta.dirname, "stage.testing.ts"))});
  const { METADATA_PROBES } = await import(${JSON.stringify(join(import.meta.dirname, "network.ts"))});
  const { createServer } = await import("node:http");
  const server = createServer((_request, response) => response.end("word-of-the-node"));
  await new Promise((resolve) => server.listen(80, "169.254.169.254", resolve));
  const stage = await openStage(${JSON.stringify(mode)}, ${JSON.stringify(engine)});
  const session = await openSession({ ...stage, env: { ...stage.env, WEB: "80" } });
  const outcomes = await runProbes(session, METADATA_PROBES);
  await session.end();
  await stage.end();
  server.close();
  console.log(JSON.stringify([...outcomes].map(([what, { hasReached, output }]) => ({ what, hasReached, output }))));`;

describe.each(isRoot ? modes : [])("[security 24] in the $name runtime", (mode) => {
  test(
    "the metadata service is reached, at its address in a network of the test: only without a wall",
    { timeout: 300_000 },
    () => {
      const words = [process.execPath, "--input-type=module", "-e", createMetadataScript(mode)];
      const output = execFileSync("unshare", ["--net", "perl", "-e", WITH_METADATA_ADDRESS, ...words], {
        encoding: "utf8",
        // It ends by itself; this is for one that hangs.
        timeout: 240_000,
      });
      const expected = METADATA_PROBES.map(({ what }) =>
        expect.objectContaining({ what, hasReached: mode.runtime === "process" }),
      );
      expect(JSON.parse(output)).toEqual(expected);
    },
  );
});

/** Starts all, ends the session when each runs, and returns those that still run. */
async function leaveDaemons(
  { runtime, checkout, run }: Session,
  daemons: readonly { readonly probe: EscapeProbe; readonly seconds: number }[],
): Promise<readonly string[]> {
  const lines = daemons.map(({ probe, seconds }) => `SLEEP="sleep ${seconds}"; ${probe.line}`);
  const start = 'for line do sh -c "$line" </dev/null >/dev/null 2>&1; done; until [ -e go ]; do sleep 0.01; done';
  const running = run(start, lines);
  await vi.waitFor(() => expect(daemons.filter(({ seconds }) => findSleepers(seconds).length === 0)).toEqual([]), {
    timeout: 120_000,
  });
  writeFileSync(join(checkout, "go"), "");
  await running;
  await runtime.end();
  return daemons.filter(({ seconds }) => findSleepers(seconds).length > 0).map(({ probe }) => probe.what);
}

describe("a probe that succeeds in no runtime", () => {
  const NEVER = PROBES.filter(({ process: reach }) => reach === "never");

  test.for(NEVER)("$what: where its control lets it", async (probe) => {
    const stage = await openStage(NO_WALL, engine);
    stages.push(stage);
    const { hasReached, output } = runControl(probe, "/", stage.env);
    // Only root may be let by a kernel that lets no one else.
    const isSure = probe.needs === undefined || (isRoot && existsSync(probe.needs));
    expect(hasReached, output).toBe(isSure || hasReached);
  });
});

test("the probes have names of their own, and each can succeed somewhere", () => {
  const all = PROBE_GROUPS.flatMap(({ probes }) => probes);
  expect(new Set(all.map(({ what }) => what)).size).toBe(all.length);
  const hopeless = all.filter(({ process: reach, control }) => reach === "never" && control === undefined);
  expect(hopeless.map(({ what }) => what)).toEqual([SURVIVORS[0]?.what]);
});
