/** `samovar login URL` and `samovar context` against the test's own control plane. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DeviceLoginOutcome } from "@samovar/contracts";
import { anApiTokenView, BUILT_AT, testTime } from "@samovar/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readContexts } from "../contexts.ts";
import { readInstance } from "../instance.ts";
import { testSamovar } from "./context.testing.ts";
import { listContexts, removeContext, useContext } from "./contexts.ts";
import { logIn } from "./login.ts";

const EXPIRES = BUILT_AT + 90 * 86_400_000;
const token = anApiTokenView();
const approved: DeviceLoginOutcome = { status: "approved", token: "smv_new", tokenId: token.id, expiresAt: EXPIRES };
const options = { name: "tea", open: false };

let home = "";
let env: Record<string, string> = {};
const closing: (() => Promise<void>)[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "cli-login-"));
  env = { HOME: home };
  time = testTime(BUILT_AT);
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  rmSync(home, { recursive: true, force: true });
});

const ASKED = { userCode: "BCDF-GHJK", verificationUrl: "https://tea.example.com/connect?code=BCDF-GHJK" };

/** A Samovar whose person gives these answers, one each time the command line asks. */
const samovar = (...answers: DeviceLoginOutcome[]) => samovarThatAsks(ASKED, answers);

async function samovarThatAsks(asked: typeof ASKED, answers: DeviceLoginOutcome[]) {
  const here = await testSamovar({
    "POST /api/identity/device-logins": () => ({
      ...asked,
      deviceCode: "the-secret-device-code",
      expiresAt: BUILT_AT + 900_000,
      intervalMs: 2_000,
    }),
    "POST /api/identity/device-logins/token": () => answers.shift(),
    "GET /api/me": () => ({ id: "usr_01kamhsyv70000000000000000", name: "Ada", via: "token" }),
    [`DELETE /api/tokens/${token.id}`]: () => null,
  });
  closing.push(here.close);
  const { url } = (await readInstance(here.dataDir)) ?? expect.fail("there is no instance");
  return { ...here, url };
}

let time = testTime(BUILT_AT);
const timed = () => ({ clock: time, timers: time });

/** Lets the command's waits pass until it ends. */
async function passTime<T>(work: Promise<T>): Promise<T> {
  let isOver = false;
  void work.then(
    () => (isOver = true),
    () => (isOver = true),
  );
  await vi.waitFor(() => {
    time.advance(2_000);
    expect(isOver).toBe(true);
  });
  return work;
}

describe("signing in to a Samovar elsewhere", () => {
  it("shows the code, waits for the answer, and uses the new context from then on", async () => {
    const here = await samovar({ status: "pending" }, approved);
    const context = here.context({ ...timed(), env });
    expect(await passTime(logIn({ url: here.url, ...options }, context))).toBe(0);
    expect(context.terminal.notes()).toContain("open   https://tea.example.com/connect?code=BCDF-GHJK");
    expect(context.terminal.notes()).toContain("code   BCDF-GHJK");
    expect(context.terminal.out()).toBe(
      `Signed in to ${here.url} as Ada for 90 days. Commands now use it (context tea).\n`,
    );
    expect(await readContexts(env)).toMatchObject({ current: "tea", contexts: [{ url: here.url, token: "smv_new" }] });
    expect(here.asked[0]?.body).toMatchObject({ name: expect.stringMatching(/^.+@.+$/) });
  });

  it("[S1] prints neither the device code nor the token, also as JSON", async () => {
    const here = await samovar(approved);
    const context = here.context({ ...timed(), env, json: true });
    await passTime(logIn({ url: here.url, ...options }, context));
    const lines = context.terminal.out().trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { event: "approve", userCode: "BCDF-GHJK" },
      { event: "signed_in", name: "tea", as: "Ada" },
    ]);
    expect(context.terminal.out() + context.terminal.notes()).not.toMatch(/the-secret-device-code|smv_new/);
  });

  it.each([
    ["denied", "The sign-in was denied on the page."],
    ["expired", "The code was not approved in time."],
  ] as const)("ends without a context when the code was %s", async (status, message) => {
    const here = await samovar({ status });
    const context = here.context({ ...timed(), env });
    await expect(passTime(logIn({ url: here.url, ...options }, context))).rejects.toThrow(message);
    expect((await readContexts(env)).contexts).toEqual([]);
  });

  it.each([
    { verificationUrl: "file:///home/ada/Downloads/tea.desktop" },
    { verificationUrl: "--version" },
    { userCode: "\u001B]0;tea\u0007" },
  ])("takes no page and no code from a server that could do more than be shown: %j", async (part) => {
    const here = await samovarThatAsks({ ...ASKED, ...part }, [approved]);
    const context = here.context({ ...timed(), env });
    await expect(passTime(logIn({ url: here.url, ...options }, context))).rejects.toThrow();
    expect(context.terminal.out() + context.terminal.notes()).toBe("");
  });

  it("refuses an invalid context name before the person is asked", async () => {
    const here = await samovar();
    await expect(
      logIn({ url: here.url, open: false, name: "local" }, here.context({ ...timed(), env })),
    ).rejects.toThrow('"local" is the Samovar on this machine');
    expect(here.asked).toEqual([]);
  });
});

describe("contexts", () => {
  it("are listed with the one in use, chosen, and removed with their token", async () => {
    const here = await samovar(approved);
    const context = here.context({ ...timed(), env });
    await passTime(logIn({ url: here.url, ...options }, context));
    const remote = { name: "tea", url: here.url, token: "smv_new" };

    const listing = here.context({ ...timed(), env, remote });
    await listContexts(listing);
    expect(listing.terminal.out()).toMatch(
      new RegExp(`  local +- +${here.dataDir}\\n\\* {2}tea +in 90 days +${here.url}\\n`),
    );

    const using = here.context({ ...timed(), env, remote });
    await useContext("local", using);
    expect(using.terminal.out()).toBe("Commands now use the Samovar on this machine.\n");
    expect((await readContexts(env)).current).toBeNull();
    await expect(useContext("coffee", here.context({ ...timed(), env }))).rejects.toThrow(
      'There is no context "coffee".',
    );

    const removing = here.context({ ...timed(), env });
    await removeContext("tea", removing);
    expect(removing.terminal.out()).toBe("Removed tea and revoked its token.\n");
    expect(here.asked.at(-1)).toMatchObject({ method: "DELETE", path: `/api/tokens/${token.id}` });
    expect((await readContexts(env)).contexts).toEqual([]);
  });

  it("are removed also while their Samovar does not answer, with a word about the token", async () => {
    const here = await samovar(approved);
    const context = here.context({ ...timed(), env });
    await passTime(logIn({ url: here.url, ...options }, context));
    await here.close();
    closing.splice(0);
    const removing = here.context({ ...timed(), env });
    await removeContext("tea", removing);
    expect(removing.terminal.notes()).toContain("Its token could not be revoked");
    expect((await readContexts(env)).contexts).toEqual([]);
  });
});
