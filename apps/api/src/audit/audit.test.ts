/** The audit log over HTTP: which actions leave an entry, who may read it, and that no one can change it. */
import { env } from "cloudflare:workers";
import { runSweep } from "../sweep/sweep.ts";
import { sweepOldAuditEntries } from "../sweep/old-audit-entries.ts";
import type { AuditEntry } from "@samovar/contracts";
import { auditEntry, createdApiToken, page, projectView, signInLink, taskView } from "@samovar/contracts";
import { beforeAll, describe, expect, it } from "vitest";
import { actorOf, anotherUser, controlPlane, ids, ORIGIN } from "../../test/caller.ts";
import { recordAction } from "./store.ts";

const { app, ask, setUp, deps } = controlPlane();
let owner: Awaited<ReturnType<typeof setUp>>;
let token: string;
beforeAll(async () => {
  owner = await setUp();
  token = owner.apiToken;
});

async function readLog(query = "", as = token) {
  return page(auditEntry).parse(await (await ask(`/api/audit-log${query}`, { token: as })).json());
}

/** The entries that some work adds, oldest first. */
async function added(work: () => Promise<unknown>): Promise<AuditEntry[]> {
  const before = new Set((await readLog("?limit=200")).items.map(({ id }) => id));
  await work();
  return (await readLog("?limit=200")).items.filter(({ id }) => !before.has(id)).toReversed();
}

const SECRET = "sk-ant-the-secret-of-the-test";
const mine = () => ({ kind: "api_token", id: owner.apiTokenId });
const aProject = async () =>
  projectView.parse(
    await (await ask("/api/projects", { body: { name: "Tea", repoUrl: "https://git.test/a.git" }, token })).json(),
  );

describe("an entry", () => {
  it("[security 40] is made when a credential is stored and deleted, without its secret", async () => {
    const entries = await added(async () => {
      await ask("/api/credentials/anthropic", {
        method: "PUT",
        body: { kind: "anthropic", apiKey: SECRET },
        token,
      });
      await ask("/api/credentials/anthropic", { method: "DELETE", token });
      // There is none any more: refused, and not recorded.
      expect((await ask("/api/credentials/anthropic", { method: "DELETE", token })).status).toBe(404);
    });
    expect(entries).toMatchObject([
      { action: "credential.stored", objectId: "anthropic", actor: mine(), detail: {} },
      { action: "credential.deleted", objectId: "anthropic", actor: mine() },
    ]);
    expect(JSON.stringify(entries)).not.toContain(SECRET.slice(-4));
  });

  it("[security 40] is made when an API token is created and revoked, by a person or by a set-up", async () => {
    const entries = await added(async () => {
      const { id } = createdApiToken.parse(await (await ask("/api/tokens", { body: { name: "ci" }, token })).json());
      await ask(`/api/tokens/${id}`, { method: "DELETE", token });
      await setUp();
    });
    expect(entries).toMatchObject([
      { action: "api_token.created", actor: mine(), detail: { name: "ci", kind: "personal" } },
      { action: "api_token.revoked", actor: mine(), objectId: entries[0]?.objectId },
      { action: "api_token.created", actor: { kind: "operator", id: null }, detail: { kind: "local" } },
    ]);
  });

  it("[security 40] is made when a sign-in link is made and redeemed, and when a browser is signed out", async () => {
    const entries = await added(async () => {
      const link = signInLink.parse(await (await ask("/api/identity/links", { body: {}, token })).json());
      const redeemed = await ask("/api/identity/redeem", {
        body: { token: new URL(link.url).hash.slice(1) },
        headers: { origin: ORIGIN, "user-agent": "Kettle/1.0" },
      });
      const cookie = redeemed.headers.get("set-cookie")?.split(";", 1)[0] ?? "";
      await ask("/api/identity/sign-out", { method: "POST", headers: { cookie, origin: ORIGIN } });
    });
    const session = entries[1]?.objectId;
    expect(entries).toMatchObject([
      { action: "sign_in_link.created", actor: mine(), objectId: owner.userId },
      { action: "sign_in_link.redeemed", actor: { kind: "sign_in_link" }, detail: { userAgent: "Kettle/1.0" } },
      { action: "sign_in_session.ended", actor: { kind: "sign_in_session", id: session }, objectId: session },
    ]);
  });

  it("[security 40] is made when a project's settings change, and when it is archived and restored", async () => {
    const project = await aProject();
    const change = (body: object) => ask(`/api/projects/${project.id}`, { method: "PATCH", body, token });
    const entries = await added(async () => {
      await change({ name: "Tea", repoUrl: "https://git.test/b.git", baseBranch: "main" });
      await change({ name: "Tea" });
      await ask(`/api/projects/${project.id}`, { method: "DELETE", token });
      await change({ archived: false });
    });
    expect(entries).toMatchObject([
      { action: "project.changed", objectId: project.id, detail: { name: "Tea", settings: "repoUrl, baseBranch" } },
      { action: "project.archived", objectId: project.id },
      { action: "project.restored", objectId: project.id },
    ]);
  });

  it("[security 40] is made when a task is deleted, and when an agent is added, changed and removed", async () => {
    const project = await aProject();
    const agent = { kind: "goose", name: "Goose", program: { from: "path", command: "goose", args: [] } };
    const entries = await added(async () => {
      const answer = await ask(`/api/projects/${project.id}/tasks`, { body: { description: "Boil" }, token });
      const task = taskView.parse(await answer.json());
      await ask(`/api/projects/${project.id}/tasks/${task.id}`, { method: "DELETE", token });
      for (const name of ["Goose", "Gander"])
        await ask("/api/agents/goose", { method: "PUT", body: { ...agent, name }, token });
      await ask("/api/agents/goose", { method: "DELETE", token });
      await ask("/api/agents/goose", { method: "DELETE", token });
    });
    expect(entries).toMatchObject([
      { action: "task.deleted", detail: { title: "Boil", projectId: project.id } },
      { action: "agent.added", objectId: "goose", detail: { name: "Goose" } },
      { action: "agent.changed", objectId: "goose", detail: { name: "Gander" } },
      { action: "agent.removed", objectId: "goose" },
    ]);
  });

  it("has a bounded detail", async () => {
    const detail = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`fact ${n}`, "x".repeat(10_000)]));
    const [entry] = await added(async () =>
      recordAction(deps, actorOf(owner.userId), { action: "node.drained", objectId: "n".repeat(10_000), detail }),
    );
    expect(JSON.stringify(entry).length).toBeLessThan(4_000);
  });
});

describe("the log", () => {
  it("is read in pages, newest first", async () => {
    const whole = (await readLog("?limit=200")).items;
    const paged: AuditEntry[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const next = await readLog(`?limit=3${cursor === "" ? "" : `&cursor=${cursor}`}`);
      expect(next.items.length).toBeLessThanOrEqual(3);
      paged.push(...next.items);
      cursor = next.nextCursor;
    }
    expect(paged.length).toBeGreaterThan(6);
    expect(paged).toEqual(whole);
    expect(paged.map(({ at }) => at)).toEqual(paged.map(({ at }) => at).toSorted((a, b) => b - a));
    expect((await ask("/api/audit-log?cursor=aud_1", { token })).status).toBe(400);
  });

  it("is its owner's alone", async () => {
    const other = await anotherUser();
    const theirs = await readLog("", other.token);
    expect(theirs.items.map(({ action }) => action)).toEqual(["api_token.created"]);
  });

  it("[security 40] has no route that changes it, and the database refuses changes", async () => {
    const routes = app.routes.filter(({ path, method }) => path.startsWith("/api/audit-log") && method !== "ALL");
    expect([...new Set(routes.map(({ method }) => method))]).toEqual(["GET"]);
    for (const method of ["DELETE", "PUT", "POST", "PATCH"])
      expect((await ask("/api/audit-log", { method, body: {}, token })).status).toBe(404);
    await expect(env.DB.prepare("UPDATE audit_log SET action = 'x'").run()).rejects.toThrow(/append-only/);
  });

  it("keeps entries for its retention, and the sweep deletes older ones", async () => {
    const [entry] = await added(async () =>
      recordAction(deps, actorOf(owner.userId), { action: "node.drained", objectId: ids.make("nod") }),
    );
    const retentionMs = deps.config.AUDIT_LOG_RETENTION_DAYS * 86_400_000;
    const at = entry?.at ?? 0;
    await sweepOldAuditEntries(deps, at + retentionMs);
    expect((await readLog()).items[0]).toEqual(entry);
    const [report] = await runSweep(env, at + retentionMs + 1, { "old-audit-entries": sweepOldAuditEntries });
    expect(report).toMatchObject({ ok: true, acted: expect.any(Number) });
    expect((await readLog()).items).toEqual([]);
  });
});
