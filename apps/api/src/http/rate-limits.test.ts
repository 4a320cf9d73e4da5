import { systemRandom } from "@samovar/base";
import { errorBody } from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import { anotherUser, controlPlane, ids, manualClock, ORIGIN } from "../../test/caller.ts";
import type { Ask } from "../../test/caller.ts";
import { TEST_SETTINGS } from "../../test/settings.ts";
import { mintNodeToken, mintWorkspaceToken } from "../identity/node-tokens.ts";

const LIMITS = { WRONG_SECRETS_PER_MINUTE: "3", CHANGES_PER_MINUTE: "4", NODE_REQUESTS_PER_MINUTE: "5" };
const FROM = { "cf-connecting-ip": "203.0.113.7" };

function plane(settings: Record<string, string> = LIMITS) {
  const clock = manualClock();
  return { clock, ...controlPlane({ clock, random: systemRandom }, settings) };
}

type Plane = ReturnType<typeof plane>;

async function statuses(times: number, ask: () => Promise<Response>): Promise<number[]> {
  const all: number[] = [];
  for (let turn = 0; turn < times; turn += 1) all.push((await ask()).status);
  return all;
}

const redeem = (headers: Record<string, string> = FROM): [string, Ask] => [
  "/api/identity/redeem",
  { body: { token: "x".repeat(43) }, headers: { ...headers, origin: ORIGIN } },
];

describe("[security 15] wrong secrets from one address", () => {
  const jwt = (typ: string) => `${btoa(JSON.stringify({ alg: "EdDSA", typ, kid: "test-key" }))}.e30.AAAA`;
  it.each<[string, string, Ask]>([
    ["sign-in link", ...redeem()],
    ["API token", "/api/me", { token: `smv_${"x".repeat(43)}`, headers: FROM }],
    ["token of no kind", "/api/me", { token: "wrong", headers: FROM }],
    ["cookie", "/api/me", { headers: { ...FROM, cookie: `samovar_session=${"x".repeat(43)}` } }],
    ["operator's secret", "/api/identity/setup", { body: {}, token: "wrong", headers: FROM }],
    [
      "bootstrap token",
      `/api/nodes/${ids.make("nod")}/bootstrap`,
      { body: { token: "x".repeat(47), claim: "0".repeat(64), agentVersion: "0.1.0" }, headers: FROM },
    ],
    ["node token", `/api/nodes/${ids.make("nod")}/link`, { token: jwt("node+jwt"), headers: FROM }],
    [
      "workspace token",
      `/api/workspaces/${ids.make("wsp")}/messages`,
      { body: {}, token: jwt("workspace+jwt"), headers: FROM },
    ],
  ])("get 429 after a burst: a wrong %s", async (_what, path, options) => {
    const { ask, clock } = plane();
    expect(await statuses(5, () => ask(path, options))).toEqual([401, 401, 401, 429, 429]);
    clock.advance(20_000);
    const refused = await ask(path, options);
    expect(refused.headers.get("retry-after")).toBe("40");
    expect(refused.headers.get("x-content-type-options")).toBe("nosniff");
    expect(errorBody.parse(await refused.json()).error).toMatchObject({
      code: "rate_limited",
      message: "Too many requests. Try again in 40 s.",
    });
    clock.advance(40_000);
    expect((await ask(path, options)).status).toBe(401);
  });

  it("count together, whatever kind they are", async () => {
    const { ask } = plane();
    await ask(...redeem());
    await ask("/api/me", { token: "wrong", headers: FROM });
    await ask("/api/identity/setup", { body: {}, token: "wrong", headers: FROM });
    expect((await ask(...redeem())).status).toBe(429);
  });

  it("do not affect a good secret from the same address, another address, or a request without a secret", async () => {
    const { ask, setUp } = plane();
    const { apiToken } = await setUp();
    await statuses(9, () => ask(...redeem()));
    expect((await ask("/api/me", { token: apiToken, headers: FROM })).status).toBe(200);
    expect((await ask(...redeem({ "cf-connecting-ip": "203.0.113.8" }))).status).toBe(401);
    expect((await ask("/api/me", { headers: FROM })).status).toBe(401);
  });

  it.each([
    ["a forwarded address, which anybody can write", { ...FROM, "x-forwarded-for": "198.51.100.1" }, FROM],
    [
      "another address of the same IPv6 network",
      { "cf-connecting-ip": "2001:db8::1" },
      { "cf-connecting-ip": "2001:db8:0:0:ff::2" },
    ],
  ])("are not distinguished by %s", async (_what, first, second) => {
    const { ask } = plane();
    await statuses(3, () => ask(...redeem(first)));
    expect((await ask(...redeem(second))).status).toBe(429);
  });

  it("are distinguished by the IPv6 network", async () => {
    const { ask } = plane();
    await statuses(3, () => ask(...redeem({ "cf-connecting-ip": "2001:db8:0:1::1" })));
    expect((await ask(...redeem({ "cf-connecting-ip": "2001:db8:0:2::1" }))).status).toBe(401);
  });

  it("count as one on one computer, where the caller writes every header", async () => {
    const here = "http://127.0.0.1:4747";
    const { ask } = plane({ ...LIMITS, PUBLIC_URL: here });
    const from = (last: number) => ({ token: "wrong", headers: { "cf-connecting-ip": `203.0.113.${last}` } });
    await statuses(3, () => ask(`${here}/api/me`, from(1)));
    expect((await ask(`${here}/api/me`, from(2))).status).toBe(429);
  });
});

describe("[security 15] wrong secrets on a server of its own", () => {
  const PUBLIC = "https://samovar.test";
  const own = { ...LIMITS, PUBLIC_URL: PUBLIC, LOCAL_URL: "http://127.0.0.1:7266" };
  const wrong = ({ ask }: Plane, headers: Record<string, string>, at = PUBLIC) =>
    ask(`${at}/api/me`, { token: "wrong", headers });
  const from = (text: string) => ({ "x-forwarded-for": text });

  it.each(["x-forwarded-for", "cf-connecting-ip", "x-real-ip", "forwarded"])(
    "count as one without a trusted proxy: the caller writes %s",
    async (name) => {
      const control = plane(own);
      await statuses(3, () => wrong(control, { [name]: "203.0.113.1" }));
      expect((await wrong(control, { [name]: "203.0.113.2" })).status).toBe(429);
    },
  );

  it("count by the address that the trusted proxy appended, whatever the caller wrote before it", async () => {
    const control = plane({ ...own, TRUSTED_PROXIES: "1" });
    for (const made of ["", "198.51.100.1, ", "198.51.100.2, 198.51.100.3, "])
      expect((await wrong(control, from(`${made}203.0.113.1`))).status).toBe(401);
    expect((await wrong(control, from("198.51.100.9, 203.0.113.1"))).status).toBe(429);
    expect((await wrong(control, from("203.0.113.1, 203.0.113.2"))).status).toBe(401);
    expect((await wrong(control, { ...from("203.0.113.1"), "cf-connecting-ip": "203.0.113.77" })).status).toBe(429);
  });

  it("count by the address before the second of two trusted proxies", async () => {
    const control = plane({ ...own, TRUSTED_PROXIES: "2" });
    await statuses(3, () => wrong(control, from("198.51.100.1, 203.0.113.1, 10.0.0.1")));
    expect((await wrong(control, from("198.51.100.2, 203.0.113.1, 10.0.0.2"))).status).toBe(429);
    expect((await wrong(control, from("203.0.113.2, 10.0.0.1"))).status).toBe(401);
  });

  it("count as one for programs on the server itself, which no proxy forwards", async () => {
    const control = plane({ ...own, TRUSTED_PROXIES: "1" });
    const at = own.LOCAL_URL;
    await statuses(3, () => wrong(control, from("203.0.113.1"), at));
    expect((await wrong(control, from("203.0.113.2"), at)).status).toBe(429);
    expect((await wrong(control, from("203.0.113.1"))).status).toBe(401);
  });
});

describe("[security 15] the set-up", () => {
  it("gets 429 over the limit, and another minute it works again; wrong secrets do not count", async () => {
    const { ask, clock } = plane({ SETUPS_PER_MINUTE: "2" });
    const setUp = (token: string) => ask("/api/identity/setup", { body: {}, token, headers: FROM });
    expect(await statuses(3, () => setUp("wrong"))).toEqual([401, 401, 401]);
    expect(await statuses(3, () => setUp(TEST_SETTINGS.OPERATOR_SECRET))).toEqual([200, 200, 429]);
    clock.advance(60_000);
    expect((await setUp(TEST_SETTINGS.OPERATOR_SECRET)).status).toBe(200);
  });
});

describe("[security 15] a person's changes", () => {
  it("get 429 over the limit, and neither reads nor another person do", async () => {
    const { ask, setUp } = plane();
    const { apiToken } = await setUp();
    const change = (token: string) => ask("/api/nowhere", { body: {}, token });
    expect(await statuses(6, () => change(apiToken))).toEqual([404, 404, 404, 404, 429, 429]);
    expect((await change(apiToken)).headers.get("retry-after")).toBe("60");
    expect((await ask("/api/me", { token: apiToken })).status).toBe(200);
    expect((await change((await anotherUser()).token)).status).toBe(404);
  });

  it("stay far below the default limit when two hundred tasks are submitted at once", async () => {
    const { ask, setUp } = plane({ LOG_LEVEL: "error" });
    const { apiToken } = await setUp();
    const all = await Promise.all(
      Array.from({ length: 400 }, () => ask("/api/nowhere", { body: {}, token: apiToken })),
    );
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set([404]));
  });
});

describe("[security 15] a node's requests", () => {
  async function link({ ask, deps, clock }: Plane, node: ReturnType<typeof newNode>, at = clock.now()) {
    const { token } = await mintNodeToken(deps.config, { node, epoch: 1 }, at);
    return ask(`/api/nodes/${node}/link`, { token });
  }
  const newNode = () => ids.make("nod");

  it("get 429 over the limit, and another node's do not", async () => {
    const control = plane();
    const node = newNode();
    expect(await statuses(6, () => link(control, node))).toEqual([426, 426, 426, 426, 426, 429]);
    expect((await link(control, newNode())).status).toBe(426);
  });

  it("are counted by workspace, so that one cannot use up its node's", async () => {
    const { ask, deps, clock } = plane();
    const node = newNode();
    const request = async (workspace: ReturnType<typeof newWorkspace>) => {
      const claims = { workspace, project: ids.make("prj"), session: ids.make("ses"), node, epoch: 1 };
      const { token } = await mintWorkspaceToken(deps.config, claims, clock.now());
      // Without rows, a delivery ends after its token was checked.
      return ask(`/api/workspaces/${workspace}/messages`, { body: {}, token });
    };
    const newWorkspace = () => ids.make("wsp");
    const busy = newWorkspace();
    expect(await statuses(6, () => request(busy))).toEqual([400, 400, 400, 400, 400, 429]);
    expect((await request(newWorkspace())).status).toBe(400);
  });

  it("with an expired token are no guesses", async () => {
    const control = plane();
    const longAgo = control.clock.now() - 7 * 86_400_000;
    expect(await statuses(6, () => link(control, newNode(), longAgo))).toEqual([401, 401, 401, 401, 401, 401]);
  });
});
