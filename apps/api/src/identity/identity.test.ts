import { env } from "cloudflare:workers";
import { systemRandom } from "@samovar/base";
import {
  API_TOKEN_TTL_MS,
  apiTokenView,
  createdApiToken,
  errorBody,
  meView,
  page,
  setupReply,
  signInLink,
  signInSessionView,
} from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import { controlPlane, manualClock, ORIGIN, anotherUser } from "../../test/caller.ts";
import { TEST_SETTINGS } from "../../test/settings.ts";

const { ask, setUp } = controlPlane();

async function freshLinkToken(): Promise<string> {
  const { apiToken } = await setUp();
  const { url } = signInLink.parse(await (await ask("/api/identity/links", { body: {}, token: apiToken })).json());
  return new URL(url).hash.slice(1);
}

const cookieOf = (response: Response) => response.headers.get("set-cookie")?.split(";", 1)[0] ?? "";

async function signIn(plane = { ask }): Promise<string> {
  const redeemed = await plane.ask("/api/identity/redeem", {
    body: { token: await freshLinkToken() },
    headers: { origin: ORIGIN },
  });
  expect(redeemed.status).toBe(200);
  return cookieOf(redeemed);
}

describe("the set-up", () => {
  it("makes one owner however often it is called, and a new token each time", async () => {
    const all = await Promise.all([setUp(), setUp(), setUp()]);
    expect(new Set(all.map((reply) => reply.userId)).size).toBe(1);
    expect(new Set(all.map((reply) => reply.apiToken)).size).toBe(3);
    const answer = await ask("/api/me", { token: all[0].apiToken });
    expect(meView.parse(await answer.json())).toMatchObject({ id: all[0].userId, via: "token" });
  });

  it.each([undefined, "wrong", "operator-secret-of-the-tests-012345678", "operator-secret-of-the-tests-01234567890"])(
    "is refused with %s for the operator's secret",
    async (token) => {
      expect((await ask("/api/identity/setup", { body: {}, token })).status).toBe(401);
    },
  );
});

describe("a one-time link", () => {
  it("points at the page, with its token behind the hash", async () => {
    const { apiToken } = await setUp();
    const link = signInLink.parse(await (await ask("/api/identity/links", { body: {}, token: apiToken })).json());
    expect(link.url).toMatch(/^http:\/\/samovar\.test\/sign-in#[A-Za-z0-9_-]{43}$/);
  });

  it("signs one browser in, once", async () => {
    const token = await freshLinkToken();
    const redeem = () => ask("/api/identity/redeem", { body: { token }, headers: { origin: ORIGIN } });
    const statuses = (await Promise.all([redeem(), redeem(), redeem()])).map((answer) => answer.status);
    expect(statuses.toSorted()).toEqual([200, 401, 401]);
  });

  it("is too old after 15 minutes", async () => {
    const clock = manualClock(Date.now() + 15 * 60_000 + 1000);
    const later = controlPlane({ clock, random: systemRandom });
    const token = await freshLinkToken();
    const answer = await later.ask("/api/identity/redeem", { body: { token }, headers: { origin: ORIGIN } });
    expect(answer.status).toBe(401);
  });

  it("can not be redeemed from another site's page", async () => {
    const token = await freshLinkToken();
    const answer = await ask("/api/identity/redeem", { body: { token }, headers: { origin: "http://evil.test" } });
    expect(answer.status).toBe(403);
  });
});

describe("the cookie", () => {
  it("is HttpOnly and SameSite=Lax", async () => {
    const token = await freshLinkToken();
    const answer = await ask("/api/identity/redeem", { body: { token }, headers: { origin: ORIGIN } });
    expect(answer.headers.get("set-cookie")?.replace(/=[\w-]{43}/, "=…")).toBe(
      "samovar_session=…; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax",
    );
  });

  it("is Secure with the __Host- prefix over https", async () => {
    const secure = controlPlane(undefined, { PUBLIC_URL: "https://samovar.test" });
    const token = await freshLinkToken();
    const answer = await secure.ask("/api/identity/redeem", {
      body: { token },
      headers: { origin: "https://samovar.test" },
    });
    expect(answer.headers.get("set-cookie")?.replace(/=[\w-]{43}/, "=…")).toBe(
      "__Host-samovar_session=…; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Lax",
    );
    const signedIn = await secure.ask("/api/me", { headers: { cookie: cookieOf(answer) } });
    expect(meView.parse(await signedIn.json()).via).toBe("cookie");
    expect(signedIn.headers.get("strict-transport-security")).toContain("max-age=");
  });

  it("slides for seven days of use, and ends after seven without", async () => {
    const clock = manualClock();
    const plane = controlPlane({ clock, random: systemRandom });
    const cookie = await signIn(plane);
    for (let day = 0; day < 10; day++) {
      clock.advance(2 * 24 * 3_600_000);
      const answer = await plane.ask("/api/me", { headers: { cookie } });
      expect(answer.status).toBe(200);
      expect(cookieOf(answer)).toBe(cookie);
    }
    clock.advance(7 * 24 * 3_600_000 + 1);
    expect((await plane.ask("/api/me", { headers: { cookie } })).status).toBe(401);
  });

  it("ends with sign-out", async () => {
    const cookie = await signIn();
    const out = await ask("/api/identity/sign-out", { method: "POST", headers: { cookie, origin: ORIGIN } });
    expect(out.status).toBe(204);
    expect(out.headers.get("set-cookie")).toMatch(/samovar_session=; Max-Age=0/);
    expect((await ask("/api/me", { headers: { cookie } })).status).toBe(401);
  });
});

describe("a change by cookie", () => {
  const project = { name: "A project", repoUrl: "https://git.test/a.git" };

  it.each([
    ["no Origin", {}],
    ["another site", { origin: "http://evil.test" }],
    ["an Origin that begins like ours", { origin: `${ORIGIN}.evil.test` }],
    ["the null Origin", { origin: "null" }],
    ["our Origin but a cross-site fetch", { origin: ORIGIN, "sec-fetch-site": "cross-site" }],
  ])("is refused with %s", async (_what, headers) => {
    const cookie = await signIn();
    const answer = await ask("/api/projects", { body: project, headers: { ...headers, cookie } });
    expect(answer.status).toBe(403);
  });

  it("passes from our own page", async () => {
    const cookie = await signIn();
    const answer = await ask("/api/projects", {
      body: project,
      headers: { cookie, origin: ORIGIN, "sec-fetch-site": "same-origin" },
    });
    expect(answer.status).toBe(201);
  });

  it.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])(
    "is refused as %s",
    async (type) => {
      const cookie = await signIn();
      const answer = await ask("/api/projects", {
        body: project,
        headers: { cookie, origin: ORIGIN, "content-type": type },
      });
      expect(answer.status).toBe(415);
    },
  );
});

describe("API tokens", () => {
  it("are shown once, listed without the secret, and dead when deleted", async () => {
    const { apiToken } = await setUp();
    const made = createdApiToken.parse(
      await (await ask("/api/tokens", { body: { name: "script" }, token: apiToken })).json(),
    );
    expect(made.token).toMatch(/^smv_/);
    const listed = await (await ask("/api/tokens", { token: made.token })).text();
    expect(listed).toContain(made.id);
    expect(listed).not.toContain(made.token);
    expect((await ask(`/api/tokens/${made.id}`, { method: "DELETE", token: apiToken })).status).toBe(204);
    expect((await ask("/api/me", { token: made.token })).status).toBe(401);
  });

  it("end after 90 days, or when their maker says so, within bounds", async () => {
    const { apiToken } = await setUp();
    const clock = manualClock();
    const plane = controlPlane({ clock, random: systemRandom });
    const make = async (body: object) => plane.ask("/api/tokens", { body: { name: "x", ...body }, token: apiToken });
    const usual = createdApiToken.parse(await (await make({})).json());
    expect(usual).toMatchObject({ kind: "personal", expiresAt: clock.now() + API_TOKEN_TTL_MS.default });
    const short = createdApiToken.parse(await (await make({ ttlMs: API_TOKEN_TTL_MS.min })).json());
    expect((await plane.ask("/api/me", { token: short.token })).status).toBe(200);
    clock.advance(API_TOKEN_TTL_MS.min);
    expect((await plane.ask("/api/me", { token: short.token })).status).toBe(401);
    expect(await (await plane.ask("/api/tokens", { token: usual.token })).text()).not.toContain(short.id);
    for (const ttlMs of [0, API_TOKEN_TTL_MS.min - 1, API_TOKEN_TTL_MS.max + 1, null])
      expect((await make({ ttlMs })).status).toBe(400);
    expect((await make({ expiresAt: clock.now() + 1 })).status).toBe(400);
  });

  it("say which is the caller's, and when each was last used", async () => {
    const { apiToken, apiTokenId } = await setUp();
    const listed = page(apiTokenView).parse(await (await ask("/api/tokens", { token: apiToken })).json()).items;
    const mine = listed.find(({ current }) => current);
    expect(mine).toMatchObject({ id: apiTokenId, kind: "local", expiresAt: null });
    expect(mine?.lastUsedAt).toBeGreaterThan(0);
    expect(listed.filter(({ current }) => current)).toHaveLength(1);
  });

  it("[security 12] of earlier set-ups are revoked by the next one that asks for it, and no others", async () => {
    const earlier = [await setUp(), await setUp()];
    const kept = createdApiToken.parse(
      await (await ask("/api/tokens", { body: { name: "kept" }, token: earlier[0]?.apiToken })).json(),
    );
    const answer = await ask("/api/identity/setup", {
      body: { revokeEarlier: true },
      token: TEST_SETTINGS.OPERATOR_SECRET,
    });
    const { apiToken } = setupReply.parse(await answer.json());
    for (const { apiToken: old } of earlier) expect((await ask("/api/me", { token: old })).status).toBe(401);
    for (const token of [apiToken, kept.token]) expect((await ask("/api/me", { token })).status).toBe(200);
  });

  it("of another user cannot be deleted", async () => {
    const { apiToken } = await setUp();
    const theirs = await anotherUser();
    const made = createdApiToken.parse(
      await (await ask("/api/tokens", { body: { name: "script" }, token: apiToken })).json(),
    );
    const answer = await ask(`/api/tokens/${made.id}`, { method: "DELETE", token: theirs.token });
    expect(errorBody.parse(await answer.json()).error.code).toBe("not_found");
    expect((await ask("/api/me", { token: made.token })).status).toBe(200);
  });

  it("[S1] neither tokens nor cookies nor links are kept in the clear", async () => {
    const { apiToken } = await setUp();
    const cookie = (await signIn()).split("=")[1] ?? "";
    const link = await freshLinkToken();
    const stored = await Promise.all(
      ["api_tokens", "sign_in_sessions", "sign_in_links", "audit_log"].map((table) =>
        env.DB.prepare(`SELECT * FROM ${table}`).all(),
      ),
    );
    const text = JSON.stringify(stored);
    for (const secret of [apiToken, cookie, link]) {
      expect(secret.length).toBeGreaterThan(40);
      expect(text).not.toContain(secret);
    }
  });
});

describe("sign-in sessions", () => {
  const listFor = async (headers: Record<string, string>) =>
    page(signInSessionView).parse(await (await ask("/api/sign-in-sessions", { headers })).json()).items;

  it("are listed with the beginning of the browser's name, without their secret, and this one is marked", async () => {
    const token = await freshLinkToken();
    const redeemed = await ask("/api/identity/redeem", {
      body: { token },
      headers: { origin: ORIGIN, "user-agent": `Kettle/1.0 ${"x".repeat(5_000)}` },
    });
    const cookie = cookieOf(redeemed);
    await signIn();
    const answer = await ask("/api/sign-in-sessions", { headers: { cookie } });
    const text = await answer.clone().text();
    expect(text).not.toContain(cookie.split("=")[1]);
    const { items } = page(signInSessionView).parse(await answer.json());
    const [mine, ...others] = items.filter(({ current }) => current);
    expect(others).toEqual([]);
    expect(mine?.userAgent).toMatch(/^Kettle/);
    expect(mine?.userAgent).toHaveLength(300);
    expect(mine?.lastUsedAt).toBeGreaterThan(0);
  });

  it("can be ended one by one, and all but this one", async () => {
    const [mine, other, third] = [await signIn(), await signIn(), await signIn()];
    const headers = { cookie: mine, origin: ORIGIN };
    const otherId = (await listFor({ cookie: other })).find(({ current }) => current)?.id;
    expect((await ask(`/api/sign-in-sessions/${otherId}`, { method: "DELETE", headers })).status).toBe(204);
    expect((await ask(`/api/sign-in-sessions/${otherId}`, { method: "DELETE", headers })).status).toBe(404);
    expect((await ask("/api/me", { headers: { cookie: other } })).status).toBe(401);
    expect((await ask("/api/me", { headers: { cookie: third } })).status).toBe(200);
    expect((await ask("/api/identity/sign-out-others", { method: "POST", headers })).status).toBe(200);
    expect((await ask("/api/me", { headers: { cookie: third } })).status).toBe(401);
    expect(await listFor({ cookie: mine })).toMatchObject([{ current: true }]);
  });

  it("of another user are neither listed nor ended", async () => {
    const cookie = await signIn();
    const id = (await listFor({ cookie })).find(({ current }) => current)?.id ?? "";
    const { token } = await anotherUser();
    expect(await (await ask("/api/sign-in-sessions", { token })).json()).toEqual({ items: [], nextCursor: null });
    expect((await ask(`/api/sign-in-sessions/${id}`, { method: "DELETE", token })).status).toBe(404);
    expect((await ask("/api/me", { headers: { cookie } })).status).toBe(200);
  });
});
