/** `samovar tokens`, `sign-ins` and `audit-log` against the test's own control plane. */
import { aSignInSessionView, anApiTokenView, anAuditEntry, BUILT_AT } from "@samovar/testing";
import { afterEach, describe, expect, it } from "vitest";
import { createToken, endAllSignIns, endSignIn, listSignIns, listTokens, revokeToken } from "./access.ts";
import { showAuditLog } from "./audit-log.ts";
import { testSamovar, toPage } from "./context.testing.ts";

const DAY = 86_400_000;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function samovar(...[answers]: Parameters<typeof testSamovar>) {
  const here = await testSamovar(answers);
  closing.push(here.close);
  return here;
}

describe("tokens", () => {
  const mine = anApiTokenView({ name: "samovar up", kind: "local", expiresAt: null, current: true });
  const script = anApiTokenView({ name: "CI\u001b[2J", lastUsedAt: BUILT_AT });
  const withTokens = () =>
    samovar({
      "GET /api/tokens": () => toPage(mine, script),
      [`DELETE /api/tokens/${script.id}`]: () => null,
      "POST /api/tokens": () => ({ ...script, token: "smv_secret" }),
    });

  it("are listed with their age, use and expiry, without control characters", async () => {
    const context = (await withTokens()).context();
    expect(await listTokens(context)).toBe(0);
    const lines = context.terminal.out().split("\n");
    expect(lines[1]).toMatch(/never +when Samovar stops +samovar up \(this command's\)$/);
    expect(lines[2]).toMatch(new RegExp(`^${script.id} .*0 s ago +in 90 days +CI$`));
    const asJson = (await withTokens()).context({ json: true });
    await listTokens(asJson);
    expect(JSON.parse(asJson.terminal.out())).toEqual([mine, script]);
  });

  it("are created with a name and a time, and only the token is on standard output", async () => {
    const here = await withTokens();
    const context = here.context();
    expect(await createToken({ name: "CI", expiresIn: 30 * DAY }, context)).toBe(0);
    expect(here.asked.at(-1)?.body).toEqual({ name: "CI", ttlMs: 30 * DAY });
    expect(context.terminal.out()).toBe("smv_secret\n");
    expect(context.terminal.notes()).toContain(`samovar tokens revoke ${script.id}`);
    await expect(createToken({ name: "CI", expiresIn: 400 * DAY }, here.context())).rejects.toMatchObject({
      hint: expect.stringContaining("366 days"),
    });
    await expect(createToken({ name: " " }, here.context())).rejects.toThrow("needs a name");
    expect(here.asked).toHaveLength(1);
  });

  it("are revoked by a part of their id, except the one in use", async () => {
    const here = await withTokens();
    const context = here.context();
    expect(await revokeToken(script.id.slice(-6), context)).toBe(0);
    expect(here.asked.at(-1)).toMatchObject({ method: "DELETE", path: `/api/tokens/${script.id}` });
    expect(context.terminal.out()).toBe(`Revoked CI (${script.id}).\n`);
    await expect(revokeToken(mine.id, here.context())).rejects.toThrow("the token that this command uses");
    await expect(revokeToken("zzzzzz", here.context())).rejects.toMatchObject({
      hint: "List them with: samovar tokens",
    });
  });
});

describe("sign-ins", () => {
  const browser = aSignInSessionView({ userAgent: "Kettle/1.0" });
  const nameless = aSignInSessionView({ userAgent: "", lastUsedAt: null });

  it("are listed and ended, one or all", async () => {
    const here = await samovar({
      "GET /api/sign-in-sessions": () => toPage(browser, nameless),
      [`DELETE /api/sign-in-sessions/${browser.id}`]: () => null,
      "POST /api/identity/sign-out-others": () => ({ signedOut: 2 }),
    });
    const context = here.context();
    expect(await listSignIns(context)).toBe(0);
    expect(context.terminal.out()).toMatch(/0 s ago +in 7 days +Kettle\/1\.0\n.*never +in 7 days +unknown/);
    const ending = here.context();
    expect(await endSignIn(browser.id, ending)).toBe(0);
    expect(await endAllSignIns(ending)).toBe(0);
    expect(ending.terminal.out()).toBe(`Signed out Kettle/1.0 (${browser.id}).\nSigned out 2 browsers.\n`);
    expect(here.asked.slice(-2).map(({ method, path }) => `${method} ${path}`)).toEqual([
      `DELETE /api/sign-in-sessions/${browser.id}`,
      "POST /api/identity/sign-out-others",
    ]);
  });
});

describe("the audit log", () => {
  it("[security 40] shows time, action, object, actor and detail", async () => {
    const entry = anAuditEntry({
      action: "node.destroyed",
      objectId: "nod_1",
      detail: { name: "no\u0007de", size: null },
    });
    const setup = anAuditEntry({ actor: { kind: "operator", id: null }, action: "api_token.created" });
    const here = await samovar({ "GET /api/audit-log": () => toPage(entry, setup) });
    const context = here.context();
    expect(await showAuditLog(7, context)).toBe(0);
    expect(here.asked.at(-1)?.path).toBe("/api/audit-log?limit=7");
    const lines = context.terminal.out().split("\n");
    expect(lines[1]).toMatch(/^2026-11-22T12:00:00\.000Z +node\.destroyed +nod_1 +tok_\w+ +name: node$/);
    expect(lines[2]).toMatch(/api_token\.created .* operator/);
    const asJson = here.context({ json: true });
    await showAuditLog(7, asJson);
    expect(JSON.parse(asJson.terminal.out())).toEqual([entry, setup]);
  });

  it("says so when it is empty", async () => {
    const here = await samovar({ "GET /api/audit-log": () => toPage() });
    const context = here.context();
    await showAuditLog(50, context);
    expect(context.terminal.out()).toBe("The audit log is empty.\n");
  });
});
