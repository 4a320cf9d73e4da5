import { env } from "cloudflare:workers";
import { credentialCheck, errorBody } from "@samovar/contracts";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { UserId } from "@samovar/base";
import { controlPlane, anotherUser } from "../../test/caller.ts";
import { readCredential } from "./store.ts";

const { ask, setUp } = controlPlane();
const KEY = "sk-ant-api03-a-key-of-the-tests-WXYZ";
let owner: { userId: UserId; apiToken: string };

beforeAll(async () => {
  owner = await setUp();
});

const put = (kind: string, body: object) =>
  ask(`/api/credentials/${kind}`, { method: "PUT", body, token: owner.apiToken });

describe("credentials", () => {
  it("[S1] are written, and never read back", async () => {
    const answer = await put("anthropic", { kind: "anthropic", apiKey: KEY });
    expect(answer.status).toBe(200);
    const listed = await (await ask("/api/credentials", { token: owner.apiToken })).text();
    expect(listed).toContain('"hint":"WXYZ"');
    const rows = JSON.stringify(await env.DB.prepare("SELECT * FROM credentials").all());
    for (const text of [await answer.text(), listed, rows]) expect(text).not.toContain(KEY);
    expect(await readCredential(env, owner.userId, "anthropic")).toEqual({ kind: "anthropic", apiKey: KEY });
  });

  it("of a kind take each other's place", async () => {
    await put("hetzner", { kind: "hetzner", token: "the-first-token" });
    await put("hetzner", { kind: "hetzner", token: "the-second-token" });
    expect(await readCredential(env, owner.userId, "hetzner")).toEqual({ kind: "hetzner", token: "the-second-token" });
    const listed: { items: { kind: string }[] } = await (
      await ask("/api/credentials", { token: owner.apiToken })
    ).json();
    expect(listed.items.filter((item) => item.kind === "hetzner")).toHaveLength(1);
  });

  it("are gone when deleted", async () => {
    await put("github", { kind: "github", token: "ghp_0123456789" });
    const drop = () => ask("/api/credentials/github", { method: "DELETE", token: owner.apiToken });
    expect([(await drop()).status, (await drop()).status]).toEqual([204, 404]);
    expect(await readCredential(env, owner.userId, "github")).toBeNull();
  });

  it("a short secret shows no part of itself; a base URL shows its host", async () => {
    const short: { hint: string } = await (await put("github", { kind: "github", token: "abcd" })).json();
    expect(short.hint).toBe("");
    const based: { hint: string } = await (
      await put("anthropic", { kind: "anthropic", baseUrl: "http://127.0.0.1:8080/x" })
    ).json();
    expect(based.hint).toBe("127.0.0.1:8080");
  });

  it.each([
    ["of another kind than the address", "github", { kind: "hetzner", token: "x" }],
    ["with nothing in it", "anthropic", { kind: "anthropic" }],
    ["without its token", "hetzner", { kind: "hetzner" }],
    ["with an empty key", "openai", { kind: "openai" }],
    ["with no variable", "agent:goose", { kind: "agent", agent: "goose", env: {} }],
    ["with a variable of ours", "agent:goose", { kind: "agent", agent: "goose", env: { SAMOVAR_X: "1" } }],
    ["with a name that no shell takes", "agent:goose", { kind: "agent", agent: "goose", env: { "A=B": "1" } }],
    [
      "with 21 variables",
      "agent:goose",
      { kind: "agent", agent: "goose", env: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`A${n}`, "x"])) },
    ],
    ["of a name that is none", "agent:Goose!", { kind: "agent", agent: "goose", env: { A: "1" } }],
  ])("%s are refused", async (_what, kind, body) => {
    const answer = await put(kind, body);
    expect(errorBody.parse(await answer.json()).error.code).toBe("invalid_request");
  });

  it("are not kept for an agent that is not there", async () => {
    const answer = await put("agent:goose", { kind: "agent", agent: "goose", env: { A: "1" } });
    expect(errorBody.parse(await answer.json()).error).toMatchObject({
      code: "agent_not_configured",
      details: { agent: "goose", settingsPath: "/settings/agents" },
    });
  });

  it("[S1] do not open in another row, for another owner, or damaged", async () => {
    await put("hetzner", { kind: "hetzner", token: "mine-and-only" });
    const other = await anotherUser();
    await env.DB.prepare("UPDATE credentials SET owner_id = ? WHERE kind = 'hetzner'").bind(other.id).run();
    await expect(readCredential(env, other.id, "hetzner")).rejects.toThrow();
    await env.DB.prepare("UPDATE credentials SET owner_id = ? WHERE kind = 'hetzner'").bind(owner.userId).run();
    expect(await readCredential(env, owner.userId, "hetzner")).toMatchObject({ token: "mine-and-only" });
    await env.DB.prepare("UPDATE credentials SET id = 'crd_other' WHERE kind = 'hetzner'").run();
    await expect(readCredential(env, owner.userId, "hetzner")).rejects.toThrow();
  });

  it("[S1] [security 33] do not open as another kind", async () => {
    await put("openai", { kind: "openai", apiKey: "the-key-of-one-kind" });
    await env.DB.prepare("UPDATE credentials SET kind = 'google' WHERE kind = 'openai'").run();
    await expect(readCredential(env, owner.userId, "google")).rejects.toThrow(/damaged or was moved/);
    await env.DB.prepare("UPDATE credentials SET kind = 'openai' WHERE kind = 'google'").run();
    expect(await readCredential(env, owner.userId, "openai")).toMatchObject({ apiKey: "the-key-of-one-kind" });
  });

  it("distinguishes a credential sealed with another key from a damaged one", async () => {
    await put("hetzner", { kind: "hetzner", token: "sealed-with-the-first-key" });
    const rotated = { ...env, CREDENTIALS_KEY: "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" };
    await expect(readCredential(rotated, owner.userId, "hetzner")).rejects.toThrow(/another key/);
  });
});

describe("a credential is checked", () => {
  let answers: (request: Request) => Response | Promise<Response>;
  let asked: Request[] = [];
  beforeEach(() => {
    asked = [];
    vi.stubGlobal("fetch", async (input: string, init: RequestInit) => {
      const request = new Request(input, init);
      asked.push(request);
      return answers(request);
    });
  });
  afterEach(() => vi.unstubAllGlobals());

  const check = async (kind: string) => {
    const answer = await ask(`/api/credentials/${kind}/validate`, { method: "POST", token: owner.apiToken });
    return {
      status: answer.status,
      text: await answer.clone().text(),
      checked: credentialCheck.safeParse(await answer.json()).data,
    };
  };

  it.each([
    ["hetzner", { kind: "hetzner", token: "hetzner-token-1234" }, "authorization", "Bearer hetzner-token-1234"],
    ["github", { kind: "github", token: "ghp_token-1234" }, "authorization", "Bearer ghp_token-1234"],
    ["anthropic", { kind: "anthropic", apiKey: "sk-ant-12345678" }, "x-api-key", "sk-ant-12345678"],
    ["openai", { kind: "openai", apiKey: "sk-123456789012" }, "authorization", "Bearer sk-123456789012"],
    ["google", { kind: "google", apiKey: "AIza12345678" }, "x-goog-api-key", "AIza12345678"],
  ])("by its own service: %s", async (kind, body, header, value) => {
    await put(kind, body);
    answers = () => Response.json({});
    expect((await check(kind)).checked).toMatchObject({ ok: true });
    expect(asked[0]?.headers.get(header)).toBe(value);
    expect(asked[0]?.redirect).toBe("manual");
    answers = () => Response.json({ error: value }, { status: 401 });
    const refused = await check(kind);
    expect(refused.checked).toMatchObject({ ok: false, message: expect.stringContaining("refuses it") });
    for (const secret of Object.values(body).slice(1)) expect(refused.text).not.toContain(secret);
  });

  it("a cloud's also by what it lacks, with calls that make nothing", async () => {
    await put("digitalocean", { kind: "digitalocean", token: "dop_v1_1234567890" });
    answers = ({ method, url }) => {
      const isRefused = method === "POST" && new URL(url).pathname.endsWith("/droplets");
      if (isRefused) return Response.json({ id: "forbidden", message: "no" }, { status: 403 });
      return method === "GET"
        ? Response.json({})
        : Response.json({ id: "unprocessable_entity", message: "dop_v1_1234567890" }, { status: 422 });
    };
    const lacking = await check("digitalocean");
    expect(lacking.checked).toEqual({
      ok: false,
      message: expect.stringMatching(/DigitalOcean accepts this token, but it lacks: droplet:create\./),
    });
    expect(lacking.text).not.toContain("dop_v1_1234567890");
    for (const request of asked) {
      expect(request.headers.get("authorization")).toBe("Bearer dop_v1_1234567890");
      expect(["", "{}"]).toContain(await request.text());
    }
    answers = () => Response.json({});
    expect((await check("digitalocean")).checked).toMatchObject({ ok: true });
    answers = () => new Response(null, { status: 503 });
    expect((await check("digitalocean")).checked).toMatchObject({ ok: null });

    await put("hetzner", { kind: "hetzner", token: "hetzner-token-1234" });
    answers = ({ method }) =>
      method === "GET"
        ? Response.json({})
        : Response.json({ error: { code: "token_readonly", message: "read only" } }, { status: 401 });
    expect((await check("hetzner")).checked).toEqual({
      ok: false,
      message: expect.stringContaining("Hetzner accepts this token, but it lacks: Read & Write."),
    });
  });

  it("and is neither good nor bad when the service gives no clear answer", async () => {
    await put("openai", { kind: "openai", apiKey: "sk-123456789012" });
    answers = () => new Response(null, { status: 503 });
    expect((await check("openai")).checked).toMatchObject({ ok: null, message: expect.stringContaining("503") });
    answers = () => Response.redirect("http://elsewhere.test/");
    expect((await check("openai")).checked).toMatchObject({ ok: null });
    answers = () => {
      throw new Error("reset: sk-123456789012");
    };
    const unreachable = await check("openai");
    expect(unreachable.checked).toMatchObject({ ok: null });
    expect(unreachable.text).not.toContain("sk-123456789012");
    expect(asked).toHaveLength(3);
  });

  it("[S1] never at an address that a person chose", async () => {
    await put("openai", { kind: "openai", apiKey: "sk-123456789012", baseUrl: "http://169.254.169.254/" });
    await put("anthropic", { kind: "anthropic", oauthToken: "sk-ant-oat-12345678" });
    for (const kind of ["openai", "anthropic"]) expect((await check(kind)).checked).toMatchObject({ ok: null });
    expect(asked).toEqual([]);
  });

  it("only where there is one", async () => {
    await ask("/api/credentials/google", { method: "DELETE", token: owner.apiToken });
    expect((await check("google")).status).toBe(404);
  });
});
