import { exports } from "cloudflare:workers";
import { errorBody, LIMITS } from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { controlPlane, ids, ORIGIN, anotherUser } from "../test/caller.ts";
import { aHolder, aNode, anOwner } from "./nodes/durable-object/node.testing.ts";
import { createWorkspace } from "./workspaces/store.ts";
import { mintNodeToken, mintWorkspaceToken } from "./identity/node-tokens.ts";
import { byteRouters, createApp, deliveryRouters, nodeRouters } from "./app.ts";

const { app, ask, setUp, deps } = controlPlane();

const OPEN = [
  "GET /api/health",
  "GET /api/openapi.json",
  "GET /.well-known/jwks.json",
  "POST /api/identity/redeem",
  // A command line without a token asks a person; the device code then opens the second.
  "POST /api/identity/device-logins",
  "POST /api/identity/device-logins/token",
  // Opened by the operator's secret alone.
  "POST /api/identity/setup",
];

const PREFIX = {
  projectId: "prj",
  taskId: "tsk",
  sessionId: "ses",
  workspaceId: "wsp",
  nodeId: "nod",
  tokenId: "tok",
  signInSessionId: "sgn",
  p: "prj",
  t: "tsk",
  s: "ses",
  w: "wsp",
  n: "nod",
} as const;
const fill = (path: string) =>
  path.replaceAll(/:(\w+)(\{[^}]*\})?/g, (_all, name: string) =>
    name in PREFIX ? ids.make(PREFIX[name as keyof typeof PREFIX]) : name === "kind" ? "anthropic" : "x",
  );

interface Route {
  readonly method: string;
  readonly path: string;
}
const routesOf = (routes: readonly Route[]) =>
  routes.filter((route) => route.method !== "ALL" && route.path !== "/*" && route.path !== "*");
const machine = new Set(
  [...byteRouters(), ...deliveryRouters(), ...nodeRouters()].flatMap((router) =>
    routesOf(router.routes).map((r) => `${r.method} ${r.path}`),
  ),
);
const everyRoute = [...new Set(routesOf(app.routes).map((route) => `${route.method} ${route.path}`))];
const closed = everyRoute.filter((route) => !OPEN.includes(route) && !machine.has(route));
const split = (route: string) => {
  const [method = "", path = ""] = route.split(" ");
  return { method, path: fill(path), body: method === "GET" || method === "DELETE" ? undefined : {} };
};

describe("who may call what", () => {
  it("there are routes to check", () => {
    expect(closed.length).toBeGreaterThan(20);
    for (const route of OPEN) expect(everyRoute).toContain(route);
  });

  it.each(closed)("%s is closed to the anonymous", async (route) => {
    const { method, path, body } = split(route);
    expect((await ask(path, { method, body })).status).toBe(401);
  });

  it.each(closed)("%s is closed to nodes", async (route) => {
    const { method, path, body } = split(route);
    const node = { node: ids.make("nod"), epoch: 1 };
    const workspace = { workspace: ids.make("wsp"), project: ids.make("prj"), session: ids.make("ses"), ...node };
    const now = Date.now();
    for (const { token } of [
      await mintNodeToken(deps.config, node, now),
      await mintWorkspaceToken(deps.config, workspace, now),
    ]) {
      expect((await ask(path, { method, body, token })).status).toBe(401);
    }
  });

  it.each([...machine])("%s is closed to the anonymous and to people", async (route) => {
    const { method, path } = split(route);
    const { apiToken } = await setUp();
    for (const token of [undefined, apiToken]) {
      const answer = await ask(path, { method, token, body: method === "GET" ? undefined : {} });
      expect([400, 401]).toContain(answer.status);
    }
  });

  it("an unknown address is closed too, and not found once signed in", async () => {
    expect((await ask("/api/nowhere")).status).toBe(401);
    const { apiToken } = await setUp();
    expect((await ask("/api/nowhere", { token: apiToken })).status).toBe(404);
  });
});

async function made(path: string, body: object, token: string): Promise<string> {
  const reply: { id: string } = await (await ask(path, { body, token })).json();
  return reply.id;
}

/** What the routes require of a body, by method. */
const VALID_BODIES: Readonly<Record<string, object>> = {
  POST: { description: "x", host: "a.example" },
  PATCH: {},
  PUT: { task: null, day: { costMicros: null, tokens: null } },
};

describe("other users' resources", () => {
  it("are not found, whatever the request", async () => {
    const { apiToken } = await setUp();
    const project = await made("/api/projects", { name: "Mine", repoUrl: "https://git.test/a.git" }, apiToken);
    const task = await made(`/api/projects/${project}/tasks`, { description: "Mine" }, apiToken);
    const token = await made("/api/tokens", { name: "Mine" }, apiToken);
    const { token: theirs } = await anotherUser();
    const bearing = closed.filter((route) => /:(projectId|taskId|tokenId)/.test(route));
    expect(bearing.length).toBeGreaterThan(12);
    for (const route of bearing) {
      const [method = "", pattern = ""] = route.split(" ");
      const mine = pattern
        .replace(/:projectId(\{[^}]*\})?/, project)
        .replace(/:taskId(\{[^}]*\})?/, task)
        .replace(/:tokenId(\{[^}]*\})?/, token);
      const body = VALID_BODIES[method];
      // A search must say what for.
      const path = pattern.endsWith("/search") ? `${fill(mine)}?q=tea` : fill(mine);
      expect([route, (await ask(path, { method, body, token: theirs })).status]).toEqual([route, 404]);
    }
  });
});

describe("[security 2] other users' nodes and workspaces", () => {
  it("are not found, whatever the request", async () => {
    const owner = await anOwner();
    const lease = await aHolder(owner);
    const nodeId = await aNode(lease, owner);
    const { workspaceId, projectId, sessionId } = lease;
    await createWorkspace(deps.env, { id: workspaceId, ownerId: owner, projectId, sessionId, nodeId, agent: null });
    const { token } = await anotherUser();
    const bearing = closed.filter((route) => /:(nodeId|workspaceId)/.test(route));
    expect(bearing.length).toBeGreaterThan(5);
    for (const route of bearing) {
      const { method } = split(route);
      const body = method === "GET" || method === "DELETE" ? undefined : { keepForMs: 60_000 };
      const path = (route.split(" ")[1] ?? "").replace(":nodeId", nodeId).replace(":workspaceId", workspaceId);
      expect([route, (await ask(fill(path), { method, body, token })).status]).toEqual([route, 404]);
    }
    for (const list of ["/api/nodes", "/api/nodes/history", "/api/nodes/tasks", "/api/nodes/cost", "/api/workspaces"]) {
      const text = await (await ask(list, { token })).text();
      expect(text).not.toContain(nodeId);
      expect(text).not.toContain(workspaceId);
    }
  });
});

/** A body of this many bytes. */
const sized = (bytes: number) => JSON.stringify({ name: "x".repeat(bytes - 11) });

describe("answers", () => {
  it("carry strict headers", async () => {
    const { headers } = await ask("/api/health");
    expect(headers.get("content-security-policy")).toMatchInlineSnapshot(
      `"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"`,
    );
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("access-control-allow-origin")).toBeNull();
  });

  it.each(["https://evil.test", "null", `${ORIGIN}.evil.test`])(
    "[security 10] to reads and preflights from %s let no other origin read them",
    async (origin) => {
      const { apiToken } = await setUp();
      const read = await ask("/api/me", { token: apiToken, headers: { origin } });
      const preflight = await ask("/api/projects", {
        method: "OPTIONS",
        headers: {
          origin,
          "access-control-request-method": "POST",
          "access-control-request-headers": "authorization, content-type",
        },
      });
      for (const { headers } of [read, preflight]) {
        expect([...headers.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([]);
        expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
      }
      expect(preflight.ok).toBe(false);
    },
  );

  it("to errors have a code, a sentence and the request's id", async () => {
    const answer = await ask("/api/me");
    const { error } = errorBody.parse(await answer.json());
    expect(error).toMatchObject({ code: "unauthenticated", requestId: answer.headers.get("x-request-id") });
  });

  it("say what is wrong, field by field", async () => {
    const { apiToken } = await setUp();
    const answer = await ask("/api/projects", { body: { name: "", repoUrl: "ext::sh -c x" }, token: apiToken });
    const { error } = errorBody.parse(await answer.json());
    expect(error.code).toBe("invalid_request");
    expect(error.message).toMatch(/name: give the project a name; repoUrl: use an https/);
  });

  it("to a body that is no JSON say so", async () => {
    const { apiToken } = await setUp();
    const answer = await ask("/api/projects", { body: "{", token: apiToken });
    expect(errorBody.parse(await answer.json()).error).toMatchObject({ code: "invalid_request", message: /JSON/ });
  });

  it("to a body of one byte too many are 413", async () => {
    const { apiToken } = await setUp();
    expect(new TextEncoder().encode(sized(LIMITS.requestMaxBytes)).length).toBe(LIMITS.requestMaxBytes);
    const at = await ask("/api/projects", { body: sized(LIMITS.requestMaxBytes), token: apiToken });
    const over = await ask("/api/projects", { body: sized(LIMITS.requestMaxBytes + 1), token: apiToken });
    expect([at.status, over.status]).toEqual([400, 413]);
  });

  const id = ids.make("wsp");
  it.each(["/api/projects", "/api/identity/redeem", `/api/workspaces/${id}/messages`])(
    "to a body at %s that is nested too deep say so [security 16]",
    async (path) => {
      const { apiToken } = await setUp();
      const workspace = { workspace: id, project: ids.make("prj"), session: ids.make("ses"), node: ids.make("nod") };
      const forNode = await mintWorkspaceToken(deps.config, { ...workspace, epoch: 1 }, Date.now());
      const token = path.includes("workspaces") ? forNode.token : apiToken;
      const nested = (depth: number) => `{"name":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;
      const send = async (depth: number) => {
        const answer = await ask(path, { body: nested(depth), token, headers: { origin: ORIGIN } });
        return errorBody.parse(await answer.json()).error.message;
      };
      expect(await send(65)).toBe("The JSON may be nested 64 levels deep at most.");
      expect(await send(100_000)).toBe("The JSON may be nested 64 levels deep at most.");
      expect(await send(64)).not.toContain("nested");
    },
  );

  it("to unexpected errors are `internal` and reveal nothing", async () => {
    const broken = createApp();
    const answer = await broken.request(
      `${ORIGIN}/api/identity/setup`,
      { method: "POST", headers: { authorization: "Bearer x" } },
      {
        ...controlPlane().env,
        get DB(): never {
          throw new Error("the secret inside");
        },
      },
    );
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain("the secret inside");
  });
});

describe("pages", () => {
  it("are the web app, whatever their path", async () => {
    for (const path of ["/", "/projects/x/sessions/y", "/sign-in"]) {
      const answer = await exports.default.fetch(`${ORIGIN}${path}`);
      expect(await answer.text()).toContain("the page of the tests");
      expect(answer.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    }
  });

  it("can only be read", async () => {
    expect((await ask("/", { method: "POST", body: {} })).status).toBe(405);
  });
});

describe("the API's description", () => {
  it("names every route of people and what it takes", async () => {
    const description: { openapi: string; paths: Record<string, Record<string, unknown>> } = await (
      await ask("/api/openapi.json")
    ).json();
    expect(description.openapi).toBe("3.1.0");
    const listed = Object.entries(description.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`),
    );
    for (const route of closed.filter((r) => !r.endsWith("/ws"))) expect(listed).toContain(route);
  });

  it("describes ids by their patterns, and the error that every route may answer", async () => {
    const { paths, components } = z
      .object({
        paths: z.record(
          z.string(),
          z.record(z.string(), z.looseObject({ responses: z.record(z.string(), z.unknown()) })),
        ),
        components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
      })
      .parse(await (await ask("/api/openapi.json")).json());
    expect(paths["/api/nodes/{nodeId}"]?.["get"]).toMatchObject({
      parameters: [
        {
          name: "nodeId",
          in: "path",
          required: true,
          schema: { type: "string", pattern: "^nod_[0-9a-hjkmnp-tv-z]{26}$" },
        },
      ],
    });
    const responses = Object.values(paths).flatMap((methods) => Object.values(methods).map((each) => each.responses));
    for (const each of responses)
      expect(each["default"]).toMatchObject({
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      });
    expect(components.schemas["Error"]).toMatchObject({ required: ["error"] });
  });
});
