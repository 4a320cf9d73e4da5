/** The part of the Hetzner Cloud API that Samovar and `hcloud` use, under `/v1`. Every call needs the token. */
import { timingSafeEqual } from "node:crypto";
import { type Clock, errorMessage, type Logger } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import { Hono, type Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { LOCATION, SERVER_TYPES } from "../catalogue.ts";
import type { Cloud, PowerCommand } from "../cloud.ts";
import type { ActionRecord, ServerRecord } from "../state.ts";
import { ApiError, invalidField } from "./errors.ts";
import { serveFirewalls } from "./firewall-routes.ts";
import { idOf, jsonBody, queryOf } from "./http.ts";
import { type Bucket, draw, RATE_LIMIT } from "./rate-limit.ts";
import { changeServer, createServer, pageOf, parseBody } from "./requests.ts";
import { selectorOf } from "./selector.ts";
import { toActionView, toImageView, toServerTypeView, toServerView } from "./views.ts";

const MAX_BODY_BYTES = 256 * 1024;
const POWER_COMMANDS: readonly PowerCommand[] = ["poweron", "poweroff", "shutdown", "reboot", "reset"];
const SERVER_FIELDS = {
  id: (one: ServerRecord) => one.id,
  name: (one: ServerRecord) => one.name,
  created: (one: ServerRecord) => one.createdAt,
};
const ACTION_FIELDS = {
  id: (one: ActionRecord) => one.id,
  status: (one: ActionRecord) => one.status,
  command: (one: ActionRecord) => one.command,
};
const CATALOGUE_FIELDS = { id: (one: { id: number }) => one.id };

export function createApiApp(options: {
  readonly cloud: Cloud;
  readonly token: string;
  readonly clock: Clock;
  readonly logger: Logger;
}): Hono {
  const { cloud, clock, logger } = options;
  const app = new Hono().basePath("/v1");
  let bucket: Bucket = { tokens: RATE_LIMIT, at: clock.now() };
  const authorised = bearerCheck(options.token);

  app.use(async (c, next) => {
    if (!authorised(c.req.header("authorization"))) throw new ApiError("unauthorized", "unable to authenticate");
    const drawn = draw(bucket, clock.now());
    bucket = drawn.bucket;
    c.header("RateLimit-Limit", String(RATE_LIMIT));
    c.header("RateLimit-Remaining", String(drawn.remaining));
    c.header("RateLimit-Reset", String(drawn.fullAtSeconds));
    if (!drawn.granted) throw new ApiError("rate_limit_exceeded", "limit of 3600 requests per hour reached");
    await next();
  });
  app.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: () => {
        throw new ApiError("payload_too_large", "the request is too long");
      },
    }),
  );

  const view = (server: ServerRecord) => {
    const behind = cloud.firewalls.list().filter(({ serverIds }) => serverIds.includes(server.id));
    return toServerView(
      server,
      behind.map(({ id }) => id),
      isLocked(cloud, server),
    );
  };
  const serverAt = (c: Context) => {
    const id = idOf(c, "server");
    const server = cloud.servers().find((one) => one.id === id);
    if (server === undefined) throw new ApiError("not_found", `server with ID '${id}' not found`);
    return server;
  };

  app.get("/servers", (c) => {
    const { items, meta } = pageOf(matching(cloud.servers(), queryOf(c)), queryOf(c), SERVER_FIELDS);
    return c.json({ servers: items.map(view), meta });
  });
  app.post("/servers", async (c) => {
    const body = parseBody(createServer, await jsonBody(c));
    const { server, actions } = cloud.create({
      name: body.name,
      serverType: body.server_type,
      location: body.location,
      labels: body.labels,
      userData: body.user_data,
      firewalls: body.firewalls,
      start: body.start_after_create,
    });
    const [action, ...next] = actions;
    return c.json(
      { server: view(server), action: toActionView(action), next_actions: next.map(toActionView), root_password: null },
      201,
    );
  });
  app.get("/servers/:id", (c) => c.json({ server: view(serverAt(c)) }));
  app.put("/servers/:id", async (c) =>
    c.json({ server: view(cloud.change(serverAt(c).id, parseBody(changeServer, await jsonBody(c)))) }),
  );
  app.delete("/servers/:id", (c) => c.json({ action: toActionView(cloud.remove(serverAt(c).id)) }));

  app.get("/servers/:id/actions", (c) => {
    const server = serverAt(c);
    const { items, meta } = pageOf(
      cloud.actions().filter((action) => action.serverId === server.id),
      queryOf(c),
      ACTION_FIELDS,
    );
    return c.json({ actions: items.map(toActionView), meta });
  });
  app.post("/servers/:id/actions/:command", (c) => {
    const command = POWER_COMMANDS.find((known) => known === c.req.param("command"));
    if (command === undefined) throw new ApiError("not_found", "this action is not offered here");
    return c.json({ action: toActionView(cloud.power(serverAt(c).id, command)) }, 201);
  });
  app.get("/actions", (c) => {
    const wanted = queryOf(c).getAll("id");
    if (wanted.length === 0) throw invalidField("id", "at least one id is needed");
    const { items, meta } = pageOf(
      cloud.actions().filter((action) => wanted.includes(String(action.id))),
      queryOf(c),
      ACTION_FIELDS,
    );
    return c.json({ actions: items.map(toActionView), meta });
  });
  app.get("/actions/:id", (c) => c.json({ action: toActionView(actionAt(cloud, idOf(c, "action"))) }));
  app.get("/servers/:server/actions/:id", (c) => c.json({ action: toActionView(actionAt(cloud, idOf(c, "action"))) }));

  serveFirewalls(app, cloud.firewalls);
  serveCatalogue(app, "server_types", "server_type", SERVER_TYPES.map(toServerTypeView));
  serveCatalogue(app, "locations", "location", [LOCATION]);
  serveCatalogue(app, "images", "image", [toImageView()]);
  serveCatalogue(app, "ssh_keys", "ssh_key", []);
  app.all("/datacenters/*", () => {
    throw new ApiError("deprecated_api_endpoint", "use locations");
  });

  app.notFound((c) => {
    const error = new ApiError("not_found", "there is no such endpoint here");
    return c.json(error.body(), error.status);
  });
  app.onError((error, c) => {
    if (!(error instanceof ApiError)) logger.error("request.failed", { path: c.req.path, reason: errorMessage(error) });
    // An unread rest of a body would precede the connection's next request.
    if (error instanceof ApiError && error.code === "payload_too_large") c.header("Connection", "close");
    const known =
      error instanceof ApiError ? error : new ApiError("server_error", "the local cloud failed; its log says why");
    return c.json(known.body(), known.status);
  });
  return app;
}

/** A list that never changes, by `name` and by id. */
function serveCatalogue(
  app: Hono,
  plural: string,
  singular: string,
  all: readonly { readonly id: number; readonly name: string }[],
): void {
  app.get(`/${plural}`, (c) => {
    const name = queryOf(c).get("name");
    const { items, meta } = pageOf(
      all.filter((one) => name === null || one.name === name),
      queryOf(c),
      CATALOGUE_FIELDS,
    );
    return c.json({ [plural]: items, meta });
  });
  app.get(`/${plural}/:id`, (c) => {
    const id = idOf(c, singular);
    const found = all.find((one) => one.id === id);
    if (found === undefined) throw new ApiError("not_found", `${singular} with ID '${id}' not found`);
    return c.json({ [singular]: found });
  });
}

function matching(servers: readonly ServerRecord[], query: URLSearchParams): readonly ServerRecord[] {
  const name = query.get("name");
  const statuses = query.getAll("status");
  const selects = selectorOf(query);
  return servers.filter(
    (server) =>
      (name === null || server.name === name) &&
      (statuses.length === 0 || statuses.includes(server.status)) &&
      selects(server.labels),
  );
}

function isLocked(cloud: Cloud, server: ServerRecord): boolean {
  return cloud.actions().some((action) => action.serverId === server.id && action.status === "running");
}

function actionAt(cloud: Cloud, id: number): ActionRecord {
  const action = cloud.actions().find((one) => one.id === id);
  if (action === undefined) throw new ApiError("not_found", `action with ID '${id}' not found`);
  return action;
}

const digest = (text: string) => Buffer.from(sha256(text));

function bearerCheck(token: string): (header: string | undefined) => boolean {
  const wanted = digest(`Bearer ${token}`);
  return (header) => header !== undefined && timingSafeEqual(digest(header), wanted);
}
