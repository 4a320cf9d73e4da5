/** Upload sessions of static assets: only contents that the account does not have are asked for. */
import { randomUUID } from "node:crypto";
import { Hono } from "hono";
import * as z from "zod";
import type { Account } from "./account.ts";
import { success } from "./envelope.ts";

const session = z.object({ manifest: z.record(z.string(), z.object({ hash: z.string(), size: z.number() })) });

export function assetRoutes(account: Account): Hono {
  const routes = new Hono();

  routes.post("/workers/scripts/:name/assets-upload-session", async (c) => {
    const { manifest } = session.parse(await c.req.json());
    const hashes = new Set(Object.values(manifest).map(({ hash }) => hash));
    const missing = [...hashes].filter((hash) => !account.assets.has(hash));
    const token = createToken();
    account.manifests.set(token, Object.fromEntries(Object.entries(manifest).map(([path, { hash }]) => [path, hash])));
    return success(c, { jwt: token, buckets: missing.length === 0 ? [] : [missing] });
  });

  routes.post("/workers/assets/upload", async (c) => {
    const token = c.req.header("authorization")?.replace("Bearer ", "") ?? "";
    const form = await c.req.formData();
    for (const [hash, part] of form.entries()) {
      const text = typeof part === "string" ? part : await part.text();
      account.assets.set(hash, Buffer.from(text, "base64"));
    }
    const manifest = account.manifests.get(token) ?? {};
    const isComplete = Object.values(manifest).every((hash) => account.assets.has(hash));
    return success(c, isComplete ? { jwt: token } : {});
  });
  return routes;
}

/** Wrangler reads the token's claims. */
function createToken(): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${encode({ alg: "none" })}.${encode({ exp: 4_000_000_000, id: randomUUID() })}.signature`;
}
