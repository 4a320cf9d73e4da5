import { describe, expect, it } from "vitest";
import { CliError } from "../client/errors.ts";
import { testContext } from "./context.testing.ts";
import { checkPublic, judgeCertificate, judgeClock, judgeHealth, judgeUpgrade } from "./doctor-public.ts";

const DAY = 86_400_000;
const inDays = (left: number, of = 90) => ({ begin: 0, end: of * DAY, now: (of - left) * DAY });
const answer = (status: number, text = "", headers = {}) => ({ status, text, headers });

describe("the public address", () => {
  it("needs a certificate that is trusted, and renewed in time", () => {
    expect(judgeCertificate(null, inDays(40))).toMatchObject({ state: "ok", hint: null });
    expect(judgeCertificate(null, inDays(5, 6))).toMatchObject({ state: "ok" });
    expect(judgeCertificate(null, inDays(7))).toMatchObject({
      state: "warning",
      detail: expect.stringMatching(/ends at/),
    });
    expect(judgeCertificate("CERT_HAS_EXPIRED", inDays(-1))).toMatchObject({
      state: "fault",
      detail: expect.stringContaining("CERT_HAS_EXPIRED"),
      hint: expect.stringContaining("NODE_EXTRA_CA_CERTS"),
    });
  });

  it("leads to Samovar itself, under its own name", () => {
    const hsts = { "strict-transport-security": "max-age=1" };
    expect(judgeHealth(answer(200, '{"ok":true}', hsts))).toMatchObject({ state: "ok" });
    expect(judgeHealth(answer(200, '{"ok":true}'))).toMatchObject({ state: "warning" });
    expect(judgeHealth(answer(200, "<h1>It works!</h1>", hsts))).toMatchObject({ state: "fault" });
    expect(judgeHealth(answer(403))).toMatchObject({ state: "fault", hint: expect.stringContaining("Host header") });
    expect(judgeHealth(answer(502))).toMatchObject({ state: "fault", hint: expect.stringContaining("samovar up") });
  });

  it("carries WebSockets", () => {
    expect(judgeUpgrade(101, true)).toMatchObject({ state: "ok" });
    expect(judgeUpgrade(404, false)).toMatchObject({ state: "ok" });
    expect(judgeUpgrade(404, true)).toMatchObject({ state: "fault" });
    expect(judgeUpgrade(426, true)).toMatchObject({ state: "fault", detail: "the proxy drops the Upgrade header" });
  });

  it("is on a server whose clock is right", () => {
    expect(judgeClock(-3_000)).toMatchObject({ state: "ok" });
    expect(judgeClock(95_000)).toMatchObject({ state: "warning", detail: expect.stringContaining("95 s") });
    expect(judgeClock(Number.NaN)).toMatchObject({ state: "warning" });
  });

  it("must be known, and begin with https", async () => {
    const context = testContext({ dataDir: "/nowhere" });
    await expect(checkPublic(null, context)).rejects.toThrow("no public address");
    await expect(checkPublic("http://samovar.example", context)).rejects.toBeInstanceOf(CliError);
  });
});
