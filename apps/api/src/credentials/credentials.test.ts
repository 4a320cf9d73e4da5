import { env } from "cloudflare:workers";
import { errorBody } from "@samovar/contracts";
import { beforeAll, describe, expect, it } from "vitest";
import type { UserId } from "@samovar/base";
import { controlPlane, somebodyElse } from "../../test/caller.ts";
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

  it("a short secret shows no part of itself; a base address shows its host", async () => {
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
  ])("%s are refused", async (_what, kind, body) => {
    const answer = await put(kind, body);
    expect(errorBody.parse(await answer.json()).error.code).toBe("invalid_request");
  });

  it("[S1] do not open in another row, for another owner, or damaged", async () => {
    await put("hetzner", { kind: "hetzner", token: "mine-and-nobody-elses" });
    const other = await somebodyElse();
    await env.DB.prepare("UPDATE credentials SET owner_id = ? WHERE kind = 'hetzner'").bind(other.id).run();
    await expect(readCredential(env, other.id, "hetzner")).rejects.toThrow();
    await env.DB.prepare("UPDATE credentials SET owner_id = ? WHERE kind = 'hetzner'").bind(owner.userId).run();
    expect(await readCredential(env, owner.userId, "hetzner")).toMatchObject({ token: "mine-and-nobody-elses" });
    await env.DB.prepare("UPDATE credentials SET id = 'crd_other' WHERE kind = 'hetzner'").run();
    await expect(readCredential(env, owner.userId, "hetzner")).rejects.toThrow();
  });

  it("sealed with another key are told apart from damage", async () => {
    await put("hetzner", { kind: "hetzner", token: "sealed-with-the-first-key" });
    const rotated = { ...env, CREDENTIALS_KEY: "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" };
    await expect(readCredential(rotated, owner.userId, "hetzner")).rejects.toThrow(/another key/);
  });
});
