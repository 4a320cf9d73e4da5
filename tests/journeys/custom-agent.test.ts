/** A settings entry is enough for any program that speaks ACP to run tasks: here the script agent, as a custom agent. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Canaries } from "../harness/canaries.ts";
import { type Installation, removeDirectory, startInstallation, parseTask } from "../harness/installation.ts";
import { git, makeRepository } from "../harness/repository.ts";

const AGENT = join(import.meta.dirname, "../../packages/script-agent/src/main.ts");
const SECRET = "the-secret-of-an-agent-of-ones-own-4711";
const TEXT = `Honk

\`\`\`sh
printf '%s' "$GOOSE_KEY" | sha256sum | cut -d ' ' -f 1 > key.txt
printf '%s' "$GOOSE_HOME" > home.txt
\`\`\`
`;
let here: Installation;

beforeAll(async () => {
  here = await startInstallation();
});

afterAll(async () => {
  await here.stop();
  await removeDirectory(here.dataDir);
});

test("a custom agent is added, receives its secret, runs a task, and is removed", async () => {
  const repository = makeRepository(join(here.dataDir, "repository"));
  const definition = {
    kind: "goose",
    name: "Goose",
    program: { from: "path", command: process.execPath, args: [AGENT] },
    env: { GOOSE_HOME: "{home}/goose" },
    secretEnv: ["GOOSE_KEY"],
  };
  const added = await here.samovar(["agents", "add", "-"], { input: JSON.stringify(definition) });
  expect(added.code, added.stderr).toBe(0);

  const run = () => here.samovar(["run", "--json", "--repo", repository, "--agent", "goose", TEXT]);
  const early = await run();
  expect(early.code).not.toBe(0);
  expect(early.stderr + early.stdout).toContain("GOOSE_KEY");

  const stored = await here.samovar(["credentials", "set", "agent:goose"], { input: `GOOSE_KEY=${SECRET}\n` });
  expect(stored.code, stored.stderr).toBe(0);
  const done = await run();
  const task = parseTask(done);
  expect(task, done.stderr).toMatchObject({ status: "completed", failure: null });
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(SECRET));
  expect(git(repository, "show", `${task.branch}:key.txt`)).toBe(Buffer.from(digest).toString("hex"));
  expect(git(repository, "show", `${task.branch}:home.txt`)).toMatch(/^\/.+\/goose$/);

  const removed = await here.samovar(["agents", "remove", "goose"]);
  expect(removed.code, removed.stderr).toBe(0);
  expect((await here.samovar(["credentials"])).stdout).not.toContain("agent:goose");
});

test("[S1] its secret is in no file of the installation: no log, command, workspace or transcript", () => {
  const { found, bytes } = new Canaries({ secret: SECRET }).scanFiles([here.dataDir]);
  expect(found).toEqual([]);
  expect(bytes).toBeGreaterThan(100_000);
});
