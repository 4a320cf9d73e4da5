/** A command line without a token asks a person, who compares a code and answers. */
import { env } from "cloudflare:workers";
import { systemRandom } from "@samovar/base";
import {
  apiTokenView,
  auditEntry,
  createdDeviceLogin,
  deviceLoginOutcome,
  deviceLoginView,
  errorBody,
  meView,
  page,
  userCode,
} from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import { controlPlane, manualClock } from "../../test/caller.ts";

const clock = manualClock();
const { ask, setUp } = controlPlane({ clock, random: systemRandom }, { DEVICE_LOGINS_PER_MINUTE: "1000" });

const begin = async (name = "ada@laptop") =>
  createdDeviceLogin.parse(await (await ask("/api/identity/device-logins", { body: { name } })).json());
const redeem = async (deviceCode: string) =>
  deviceLoginOutcome.parse(await (await ask("/api/identity/device-logins/token", { body: { deviceCode } })).json());
const answer = async (code: string, approve: boolean, token?: string) =>
  ask(`/api/identity/device-logins/${code}/answer`, { body: { approve }, token });

describe("[R52] a command line that asks to sign in", () => {
  it("gets a token once a person has approved its code, and the same one when its answer was lost", async () => {
    const { apiToken } = await setUp();
    const asked = await begin();
    expect(asked.userCode).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
    expect(asked.verificationUrl).toMatch(new RegExp(`/connect\\?code=${asked.userCode}$`));
    expect(await redeem(asked.deviceCode)).toEqual({ status: "pending" });
    const shown = await ask(`/api/identity/device-logins/${asked.userCode.toLowerCase()}`, { token: apiToken });
    expect(deviceLoginView.parse(await shown.json())).toMatchObject({ name: "ada@laptop", status: "pending" });
    const answered = await answer(asked.userCode, true, apiToken);
    expect(deviceLoginView.parse(await answered.json())).toMatchObject({ status: "approved" });

    const outcomes = await Promise.all([redeem(asked.deviceCode), redeem(asked.deviceCode)]);
    const again = await redeem(asked.deviceCode);
    expect(outcomes).toEqual([again, again]);
    if (again.status !== "approved") return expect.fail(again.status);
    const me = await ask("/api/me", { token: again.token });
    expect(meView.parse(await me.json())).toMatchObject({ via: "token" });
    const tokens = page(apiTokenView).parse(await (await ask("/api/tokens", { token: apiToken })).json()).items;
    expect(tokens.filter(({ name }) => name === "samovar login: ada@laptop")).toMatchObject([
      { id: again.tokenId, kind: "personal", expiresAt: again.expiresAt },
    ]);
    const log = page(auditEntry).parse(await (await ask("/api/audit-log", { token: apiToken })).json()).items;
    expect(log.slice(0, 2)).toMatchObject([
      { action: "api_token.created", actor: { kind: "device_login" } },
      { action: "device_login.approved", detail: { userCode: asked.userCode, name: "ada@laptop" } },
    ]);
  });

  it("gets nothing once it was denied; the first answer counts", async () => {
    const { apiToken } = await setUp();
    const asked = await begin();
    await answer(asked.userCode, false, apiToken);
    const late = await answer(asked.userCode, true, apiToken);
    expect(deviceLoginView.parse(await late.json())).toMatchObject({ status: "denied" });
    expect(await redeem(asked.deviceCode)).toEqual({ status: "denied" });
  });

  it("gets no second token once the first is revoked", async () => {
    const { apiToken } = await setUp();
    const asked = await begin();
    await answer(asked.userCode, true, apiToken);
    const got = await redeem(asked.deviceCode);
    if (got.status !== "approved") return expect.fail(got.status);
    expect((await ask(`/api/tokens/${got.tokenId}`, { method: "DELETE", token: apiToken })).status).toBe(204);
    expect(await redeem(asked.deviceCode)).toEqual({ status: "denied" });
  });

  it("is forgotten after 15 minutes, approved or not", async () => {
    const { apiToken } = await setUp();
    const [asked, approved] = [await begin(), await begin()];
    await answer(approved.userCode, true, apiToken);
    clock.advance(15 * 60_000);
    expect(await redeem(approved.deviceCode)).toEqual({ status: "expired" });
    const late = await answer(asked.userCode, true, apiToken);
    expect([late.status, errorBody.parse(await late.json()).error.message]).toEqual([
      404,
      "No command line is waiting with this code. Codes are valid for 15 minutes.",
    ]);
    await begin();
    const { results } = await env.DB.prepare("SELECT count(*) AS n FROM device_logins").all();
    expect(results).toEqual([{ n: 1 }]);
  });

  it("[security 12] cannot approve itself, and stores neither its secret nor its token", async () => {
    const asked = await begin();
    expect((await answer(asked.userCode, true)).status).toBe(401);
    expect((await answer(asked.userCode, true, asked.deviceCode)).status).toBe(401);
    const { apiToken } = await setUp();
    await answer(asked.userCode, true, apiToken);
    const got = await redeem(asked.deviceCode);
    if (got.status !== "approved") return expect.fail(got.status);
    for (const table of ["device_logins", "api_tokens", "audit_log"]) {
      const stored = JSON.stringify((await env.DB.prepare(`SELECT * FROM ${table}`).all()).results);
      expect(stored).not.toContain(asked.deviceCode);
      expect(stored).not.toContain(got.token.slice("smv_".length));
    }
  });

  it("[security 12] is refused with an unknown device code", async () => {
    const refused = await ask("/api/identity/device-logins/token", { body: { deviceCode: "guessed".repeat(8) } });
    expect(refused.status).toBe(401);
  });

  it("[security 11] may ask only so often from one address", async () => {
    const limited = controlPlane({ clock, random: systemRandom }, { DEVICE_LOGINS_PER_MINUTE: "3" });
    const statuses: number[] = [];
    for (let n = 0; n < 4; n++)
      statuses.push((await limited.ask("/api/identity/device-logins", { body: { name: "x" } })).status);
    expect(statuses).toEqual([201, 201, 201, 429]);
  });
});

describe("a code as a person types it", () => {
  it.each(["BCDF-GHJK", "bcdfghjk", " bcdf ghjk "])("is read from %s", (typed) => {
    expect(userCode.parse(typed)).toBe("BCDF-GHJK");
  });
  it.each(["", "BCDF", "ABCD-EFGH", "BCDF-GHJKL", "BCDF-GHJ1"])("is refused in %s", (typed) => {
    expect(userCode.safeParse(typed).success).toBe(false);
  });
});
