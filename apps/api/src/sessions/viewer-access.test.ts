/** Every WebSocket for people, over HTTP: it ends with the access that opened it. */
import { env } from "cloudflare:workers";
import { evictDurableObject } from "cloudflare:test";
import type { ProjectId } from "@samovar/base";
import { createdApiToken, page, projectView, signInLink, signInSessionView, VIEWER_CLOSE } from "@samovar/contracts";
import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { anotherUser, controlPlane, ORIGIN } from "../../test/caller.ts";
import { projects, viewerAccess } from "../database/schema.ts";
import { sweepLostViewers } from "../sweep/lost-viewers.ts";
import { recordViewerAccess } from "./viewer-access.ts";

const { app, ask, setUp, deps } = controlPlane();
/** Found among the routes, so that a new socket is tested too. */
const SOCKETS = [
  ...new Set(
    app.routes.map(({ path }) => path).filter((path) => path.startsWith("/api/projects/") && path.endsWith("/ws")),
  ),
];

let owner: { readonly token: string };
beforeAll(async () => {
  owner = { token: (await setUp()).apiToken };
});

async function aProject(): Promise<ProjectId> {
  const answer = await ask("/api/projects", { body: { name: "Tea", repoUrl: "https://git.test/tea.git" }, ...owner });
  return projectView.parse(await answer.json()).id;
}

async function aToken() {
  return createdApiToken.parse(await (await ask("/api/tokens", { body: { name: "script" }, ...owner })).json());
}

async function aBrowser(): Promise<Record<string, string>> {
  const link = await ask("/api/identity/links", { body: {}, ...owner });
  const token = new URL(signInLink.parse(await link.json()).url).hash.slice(1);
  const redeemed = await ask("/api/identity/redeem", { body: { token }, headers: { origin: ORIGIN } });
  return { cookie: redeemed.headers.get("set-cookie")?.split(";", 1)[0] ?? "", origin: ORIGIN };
}

async function open(path: string, project: ProjectId, as: { token?: string; headers?: Record<string, string> }) {
  const headers = { upgrade: "websocket", ...as.headers };
  const { status, webSocket: socket } = await ask(path.replace(":projectId", project), { ...as, headers });
  if (socket === null) throw new Error(`no socket, but ${status}`);
  const received: string[] = [];
  const closed: { readonly code: number; readonly reason: string }[] = [];
  socket.addEventListener("message", ({ data }) => void received.push(String(data)));
  socket.addEventListener("close", ({ code, reason }) => void closed.push({ code, reason }));
  socket.accept();
  return { received, closed };
}

async function makesTask(project: ProjectId): Promise<void> {
  const answer = await ask(`/api/projects/${project}/tasks`, { body: { description: "Boil water" }, ...owner });
  expect(answer.status).toBe(201);
}

type Viewer = Awaited<ReturnType<typeof open>>;
const endsWith = (viewer: Viewer, code: number, reason: string) =>
  vi.waitFor(() => expect(viewer.closed).toEqual([{ code, reason }]));
const receivesTask = (viewer: Viewer) => vi.waitFor(() => expect(viewer.received.join()).toContain("task.updated"));

describe("a socket for people", () => {
  test("there is at least one", () => expect(SOCKETS).toContain("/api/projects/:projectId/ws"));

  test.each(SOCKETS)("[security 12] %s of a revoked token closes and receives no later task", async (path) => {
    const [one, two] = [await aProject(), await aProject()];
    const revoked = await aToken();
    const viewers = [await open(path, one, revoked), await open(path, two, revoked)];
    const other = await open(path, one, owner);
    await evictDurableObject(env.PROJECT_DATA.getByName(one));
    expect((await ask(`/api/tokens/${revoked.id}`, { method: "DELETE", ...owner })).status).toBe(204);
    await makesTask(one);
    await makesTask(two);
    await receivesTask(other);
    for (const viewer of viewers) {
      await endsWith(viewer, VIEWER_CLOSE.tokenRevoked, "API token revoked");
      expect(viewer.received).toEqual([]);
    }
    expect(other.closed).toEqual([]);
  });

  test.each(SOCKETS)(
    "[security 12] %s of a signed-out browser closes, and not those of other browsers",
    async (path) => {
      const project = await aProject();
      const [here, elsewhere] = [await aBrowser(), await aBrowser()];
      const [viewer, other] = [
        await open(path, project, { headers: here }),
        await open(path, project, { headers: elsewhere }),
      ];
      await ask("/api/identity/sign-out", { method: "POST", headers: here });
      await makesTask(project);
      await receivesTask(other);
      await endsWith(viewer, VIEWER_CLOSE.signedOut, "signed out");
      expect(viewer.received).toEqual([]);
    },
  );

  test("[security 12] closes when its browser is signed out from another one, alone or with all others", async () => {
    const project = await aProject();
    const [mine, first, second] = [await aBrowser(), await aBrowser(), await aBrowser()];
    const viewers: Viewer[] = [];
    for (const headers of [mine, first, second]) viewers.push(await open(SOCKETS[0] ?? "", project, { headers }));
    const listed = page(signInSessionView).parse(
      await (await ask("/api/sign-in-sessions", { headers: first })).json(),
    ).items;
    const current = listed.find((each) => each.current)?.id ?? "";
    const ended = await ask(`/api/sign-in-sessions/${current}`, { method: "DELETE", headers: mine });
    expect(ended.status).toBe(204);
    await vi.waitFor(() => expect(viewers.map(({ closed }) => closed.length)).toEqual([0, 1, 0]));
    expect((await ask("/api/identity/sign-out-others", { method: "POST", headers: mine })).status).toBe(200);
    await vi.waitFor(() => expect(viewers.map(({ closed }) => closed.length)).toEqual([0, 1, 1]));
    expect((await ask("/api/me", { headers: mine })).status).toBe(200);
  });

  test("[security 12] opened while its token is being revoked does not stay", async () => {
    const project = await aProject();
    const token = await aToken();
    const [viewer] = await Promise.all([
      open(SOCKETS[0] ?? "", project, token).catch(() => null),
      ask(`/api/tokens/${token.id}`, { method: "DELETE", ...owner }),
    ]);
    if (viewer !== null) await endsWith(viewer, VIEWER_CLOSE.tokenRevoked, "API token revoked");
    await makesTask(project);
    expect(viewer?.received ?? []).toEqual([]);
  });
});

describe("the sweep", () => {
  test("[security 12] closes sockets whose object was not notified, and of a project that has another owner now", async () => {
    const [forgotten, moved] = [await aProject(), await aProject()];
    const revoked = await aToken();
    const viewer = await open(SOCKETS[0] ?? "", forgotten, revoked);
    await deps.db.delete(viewerAccess).where(eq(viewerAccess.accessId, revoked.id));
    await ask(`/api/tokens/${revoked.id}`, { method: "DELETE", ...owner });
    await recordViewerAccess(deps, revoked.id, forgotten);
    const lost = await open(SOCKETS[0] ?? "", moved, owner);
    const stranger = await anotherUser();
    await deps.db.update(projects).set({ ownerId: stranger.id }).where(eq(projects.id, moved));
    expect(viewer.closed).toEqual([]);

    expect(await sweepLostViewers(deps)).toEqual({ found: 2, acted: 2 });

    await endsWith(viewer, VIEWER_CLOSE.tokenRevoked, "API token revoked");
    await endsWith(lost, VIEWER_CLOSE.accessLost, "no access to this project");
    expect(await sweepLostViewers(deps)).toEqual({ found: 0, acted: 0 });
  });
});
