/**
 * Cloudflare's API on loopback, as far as a deployment and real wrangler use it, written from its public description. It keeps
 * state, and what is uploaded to it boots in workerd. An address that it does not know answers 404 with code 7003.
 */
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { Account } from "./account.ts";
import { assetRoutes } from "./assets.ts";
import { databaseRoutes } from "./databases.ts";
import { failure, success } from "./envelope.ts";
import { WorkerRuntime } from "./worker-runtime.ts";
import { workerRoutes } from "./workers.ts";

export interface ScriptedCloudflare {
  /** With the API's version. */
  readonly url: string;
  readonly account: Account;
  readonly runtime: WorkerRuntime;
  close(): Promise<void>;
}

export async function startScriptedCloudflare(directory: string): Promise<ScriptedCloudflare> {
  const account = new Account();
  const runtime = await WorkerRuntime.start(directory);
  const app = new Hono();
  app.use(async (c, next) => {
    const path = c.req.path.replace("/client/v4/", "").replace(`accounts/${account.id}/`, "");
    account.calls.push({ method: c.req.method, path });
    // Assets are uploaded with the session's own token.
    const isAssetUpload = path === "workers/assets/upload";
    if (!isAssetUpload && c.req.header("authorization") !== `Bearer ${account.token}`)
      return failure(c, 401, 1000, "Invalid API Token");
    for (const prefix of account.lacking)
      if (path.startsWith(prefix) || `${c.req.method} ${path}`.startsWith(prefix))
        return failure(c, 403, 10_000, "Authentication error");
    return next();
  });
  const api = app.basePath("/client/v4");
  api.get("/user/tokens/verify", (c) => success(c, { id: "t", status: "active" }));
  api.get("/accounts/:account", (c) => success(c, { id: account.id, name: "Tea" }));
  api.get("/zones", (c) =>
    success(
      c,
      account.zones.filter(({ name }) => name === c.req.query("name")),
    ),
  );
  api.get("/zones/:zone/dns_records", (c) => success(c, []));
  api.get("/zones/:zone/workers/routes", (c) => success(c, []));
  api.route("/accounts/:account", assetRoutes(account));
  api.route("/accounts/:account", databaseRoutes(account, runtime));
  api.route("/accounts/:account", workerRoutes(account, runtime));
  app.notFound((c) => failure(c, 404, 7003, `Could not route to ${c.req.method} ${c.req.path}`));
  const server = createAdaptorServer({ fetch: app.fetch });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
  return {
    url: `http://127.0.0.1:${port}/client/v4`,
    account,
    runtime,
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        if ("closeAllConnections" in server) server.closeAllConnections();
      });
      await runtime.close();
    },
  };
}
