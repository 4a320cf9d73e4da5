/** API tokens of an installation: the CLI's own comes and goes with `samovar up`, the others stay until they are revoked. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { apiTokenView, auditEntry, taskView } from "@samovar/contracts";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as z from "zod";
import { type Installation, removeDirectory, startInstallation } from "../harness/installation.ts";
import { makeRepository } from "../harness/repository.ts";
import { hang, script } from "../harness/scripts.ts";

let here: Installation;
beforeAll(async () => {
  here = await startInstallation();
});
afterAll(async () => {
  await here.stop();
  await removeDirectory(here.dataDir);
});

async function ownToken(): Promise<string> {
  const text = await readFile(join(here.dataDir, "instance.json"), "utf8");
  return z.object({ apiToken: z.string() }).parse(JSON.parse(text)).apiToken;
}

const askAs = async (token: string) =>
  (await fetch(`${here.url}/api/me`, { headers: { authorization: `Bearer ${token}` } })).status;

async function restart(how: "stopped" | "killed"): Promise<void> {
  if (how === "stopped") await here.stop();
  else {
    const gone = once(here.process, "exit");
    here.process.kill("SIGKILL");
    await gone;
  }
  here = await startInstallation({ dataDir: here.dataDir });
}

test.each(["stopped", "killed"] as const)(
  "[security 12] the CLI's token of a Samovar that was %s is refused by the next one, and another token is not",
  async (how) => {
    const made = await here.samovar(["tokens", "create", "--name", "script", "--expires-in", "1h"]);
    const [before, other] = [await ownToken(), made.stdout.trim()];
    expect([await askAs(before), await askAs(other)]).toEqual([200, 200]);
    await restart(how);
    expect([await askAs(before), await askAs(other), await askAs(await ownToken())]).toEqual([401, 200, 200]);
    const listed = z.array(apiTokenView).parse(JSON.parse((await here.samovar(["tokens", "--json"])).stdout));
    expect(listed.filter(({ kind }) => kind === "local")).toMatchObject([{ current: true }]);
  },
);

test("[security 12] [security 40] a run that is followed ends with a clear error when its token is revoked", async () => {
  const repository = makeRepository(join(here.dataDir, "repository"));
  const running = here.follow(["run", "--json", "--repo", repository, script("Wait", hang())]);
  const connected = running.until((line) => line["event"] === "connected");
  await Promise.race([connected, running.finished]);
  const listed = z.array(apiTokenView).parse(JSON.parse((await here.samovar(["tokens", "--json"])).stdout));
  const own = listed.find(({ current }) => current)?.id ?? "";
  const refused = await here.samovar(["tokens", "revoke", own]);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("the token that this command uses") });
  await here.api(`/api/tokens/${own}`, { method: "DELETE" });
  expect(await running.finished).toMatchObject({ code: 2, stderr: expect.stringMatching(/revoked|API token/) });

  await restart("stopped");
  const { stdout } = await here.samovar(["audit-log", "--json", "--limit", "200"]);
  const revoked = z.array(auditEntry).parse(JSON.parse(stdout));
  expect(revoked.some(({ action, objectId }) => action === "api_token.revoked" && objectId === own)).toBe(true);
  const [task] = z.array(taskView).parse(JSON.parse((await here.samovar(["tasks", "--json"])).stdout));
  expect(task?.failure).toBe(null);
});
