/** Tokens that hold for seconds, a signing key that is rotated, and daemons that die: runs go on with fresh tokens. */
import { generateKeyPairSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as z from "zod";
import { killAndRestart, tryKill } from "../harness/control-plane.ts";
import { pidsMatching } from "../harness/processes.ts";
import { clearedFaults, leftOnMachine, terminalFaults, transcriptFaults } from "../harness/promises.ts";
import { say, script, sh, stream, write } from "../harness/scripts.ts";
import { formatSeed, seededPlans, SEEDS } from "../harness/seeds.ts";
import { type Site, startSite, stopSite } from "../harness/site.ts";

/** Longer than any limit of these runs: what stands still for so long will not end. */
const WAIT_TIMEOUT_MS = 60_000;
const ENV = { NODE_SLOTS: "10", MAX_NODES_PER_USER: "2", NODE_WARM_TIMEOUT_MS: "600000" };
/** Shorter than any of the tasks. Half of it, what is left of a token at least, is longer than a daemon takes to come back. */
const SHORT_LIFE = { ...ENV, NODE_TOKEN_TTL_MS: "24000" };

let site: Site;

beforeAll(async () => {
  site = await startSite(ENV);
});
afterAll(() => stopSite(site));

const works = fc.record({
  turns: fc.array(
    fc.record({ words: fc.integer({ min: 50, max: 400 }), sleepMs: fc.integer({ min: 5000, max: 6000 }) }),
    {
      minLength: 5,
      maxLength: 6,
    },
  ),
  /** From the last blow. All blows fall within half of half a token's life. */
  afterMs: fc.integer({ min: 0, max: 300 }),
  blow: fc.constantFrom("none", "none", "none", "daemons"),
});

test("[R3] [R21] [F38] the key is rotated and tokens expire during runs: all tasks complete without loss", async () => {
  const runs = await Promise.all(
    seededPlans(works, SEEDS).map(async (seeded) => {
      const steps = seeded.plan.turns.flatMap(({ words, sleepMs }) => [
        stream(words, 5),
        sh(`sleep ${sleepMs / 1000}`),
      ]);
      const description = script("Work", say("Begun."), ...steps, write("done.txt", "done"));
      return { ...seeded, task: await site.person.submit(site.project, { description, run: true, agent: "script" }) };
    }),
  );
  const names = runs.map((run) => `${run.task.id}: ${formatSeed(run)}`).join("\n");
  await Promise.all(runs.map(({ task }) => site.person.until(task, ({ status }) => status !== "queued")));
  const before = readSecrets().signingKey.kid;
  site.here = await killAndRestart(site.here, "both", SHORT_LIFE, rotateKey);
  expect(readSecrets().signingKey.kid).not.toBe(before);
  for (const { plan } of runs) {
    await setTimeout(plan.afterMs);
    if (plan.blow === "none") continue;
    for (const pid of await pidsMatching(site.here.dataDir, /vm-agent\.cjs daemon/)) tryKill(pid);
  }
  const tasks = await site.person.ended(
    site.project,
    runs.map(({ task }) => task),
    WAIT_TIMEOUT_MS,
  );
  expect(await terminalFaults(site.person, tasks), names).toEqual([]);
  for (const task of tasks)
    expect(task, `${task.id} in\n${names}`).toMatchObject({
      status: "completed",
      output: { transcript: { agreed: true } },
    });
  expect(await transcriptFaults(site.here)).toEqual([]);
  expect(await clearedFaults(site.here, site.person)).toEqual([]);
  expect(await leftOnMachine(site.here)).toEqual([]);
});

const secrets = z.looseObject({ signingKey: z.looseObject({ kid: z.string(), d: z.string() }) });
const secretsFile = () => join(site.here.dataDir, "secrets.json");
const readSecrets = () => secrets.parse(JSON.parse(readFileSync(secretsFile(), "utf8")));

/** As an operator does it: the old key's public part stays known. */
function rotateKey(): void {
  const { signingKey: old, ...others } = readSecrets();
  const { d: _, ...previousSigningKey } = old;
  const jwk = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  const signingKey = { ...old, ...jwk, kid: `${old.kid}-next` };
  writeFileSync(secretsFile(), JSON.stringify({ ...others, signingKey, previousSigningKey }), { mode: 0o600 });
}
