/** Workers: uploads, versions, deployments, schedules, workflows, and the account's name below workers.dev. */
import { type Context, Hono } from "hono";
import * as z from "zod";
import type { Account, DeployedWorker, Upload, UploadMetadata } from "./account.ts";
import { failure, success } from "./envelope.ts";
import type { WorkerRuntime } from "./worker-runtime.ts";

const NO_WORKER = 10_007;
const NO_SUBDOMAIN = 10_007;

export function workerRoutes(account: Account, runtime: WorkerRuntime): Hono {
  const routes = new Hono();
  const missing = (c: Context) => failure(c, 404, NO_WORKER, "This Worker does not exist on your account.");
  /** Answers for the Worker that the path names. */
  const onWorker = (path: string, answer: (c: Context, worker: DeployedWorker) => unknown) =>
    routes.get(path, (c) => {
      const worker = account.workers.get(c.req.param("name") ?? "");
      return worker === undefined ? missing(c) : success(c, answer(c, worker));
    });

  routes.get("/workers/subdomain", (c) =>
    account.subdomain === null
      ? failure(c, 404, NO_SUBDOMAIN, "You do not have a workers.dev subdomain.")
      : success(c, { subdomain: account.subdomain }),
  );
  routes.put("/workers/subdomain", async (c) => {
    account.subdomain = z.object({ subdomain: z.string() }).parse(await c.req.json()).subdomain;
    return success(c, { subdomain: account.subdomain });
  });
  routes.get("/workers/scripts", (c) =>
    success(
      c,
      [...account.workers.keys()].map((id) => ({ id })),
    ),
  );

  onWorker("/workers/services/:name", (c, worker) => ({
    id: c.req.param("name"),
    default_environment: {
      environment: "production",
      script: {
        id: c.req.param("name"),
        tag: "tag-of-the-worker",
        tags: [],
        migration_tag: worker.migrationTag ?? undefined,
        last_deployed_from: "wrangler",
      },
    },
  }));
  onWorker("/workers/workers/:name", (c, worker) => ({
    id: c.req.param("name"),
    name: c.req.param("name"),
    subdomain: { enabled: worker.isOnWorkersDev, previews_enabled: false },
  }));
  onWorker("/workers/scripts/:name/secrets", (_c, worker) =>
    requireActive(worker)
      .metadata.bindings.filter(({ type }) => type === "secret_text")
      .map(({ name, type }) => ({ name, type })),
  );
  onWorker("/workers/scripts/:name/deployments", (_c, worker) => ({
    deployments: [
      {
        id: worker.active,
        source: "wrangler",
        strategy: "percentage",
        created_on: new Date(0).toISOString(),
        annotations: {},
        versions: [{ version_id: worker.active, percentage: 100 }],
      },
    ],
  }));
  onWorker("/workers/scripts/:name/settings", (_c, worker) => {
    const { bindings, compatibility_date, compatibility_flags } = requireActive(worker).metadata;
    return { bindings: bindings.map(({ text: _text, ...rest }) => rest), compatibility_date, compatibility_flags };
  });
  onWorker("/workers/scripts/:name/script-settings", () => ({ tags: [] }));
  onWorker("/workers/scripts/:name/schedules", (_c, worker) => ({ schedules: worker.crons.map((cron) => ({ cron })) }));
  onWorker("/workers/scripts/:name/subdomain", (_c, worker) => ({
    enabled: worker.isOnWorkersDev,
    previews_enabled: false,
  }));

  routes.get("/workers/scripts/:name/versions/:version", (c) => {
    const found = account.workers.get(c.req.param("name"))?.versions.find(({ id }) => id === c.req.param("version"));
    if (found === undefined) return missing(c);
    return success(c, {
      id: found.id,
      annotations: found.metadata.annotations ?? {},
      metadata: { source: "wrangler" },
      resources: {},
    });
  });

  routes.put("/workers/scripts/:name", async (c) => {
    const name = c.req.param("name");
    const upload = await readUpload(c, account);
    const refusal = findRefusal(account, account.workers.get(name), upload);
    if (refusal !== null) return failure(c, 400, refusal.code, refusal.message);
    const worker = account.workers.get(name) ?? makeWorker(upload.id);
    account.workers.set(name, worker);
    applyMigration(worker, upload.metadata);
    worker.versions.push(upload);
    await activate(worker, upload.id);
    return success(c, {
      id: name,
      deployment_id: upload.id.replaceAll("-", ""),
      startup_time_ms: 1,
      tag: "tag-of-the-worker",
    });
  });
  routes.post("/workers/scripts/:name/versions", async (c) => {
    const worker = account.workers.get(c.req.param("name"));
    if (worker === undefined) return missing(c);
    const upload = await readUpload(c, account);
    const refusal = findRefusal(account, worker, upload);
    if (refusal !== null) return failure(c, 400, refusal.code, refusal.message);
    worker.versions.push(upload);
    return success(c, { id: upload.id, startup_time_ms: 1, resources: { script: { etag: upload.id } } });
  });
  routes.post("/workers/scripts/:name/deployments", async (c) => {
    const worker = account.workers.get(c.req.param("name"));
    if (worker === undefined) return missing(c);
    const { versions } = z
      .object({ versions: z.array(z.object({ version_id: z.string() })) })
      .parse(await c.req.json());
    await activate(worker, versions[0]?.version_id ?? "");
    return success(c, { id: account.newId() });
  });
  routes.patch("/workers/scripts/:name/script-settings", (c) => success(c, {}));
  routes.post("/workers/scripts/:name/subdomain", async (c) => {
    const worker = account.workers.get(c.req.param("name"));
    if (worker === undefined) return missing(c);
    worker.isOnWorkersDev = z.object({ enabled: z.boolean() }).parse(await c.req.json()).enabled;
    return success(c, { enabled: worker.isOnWorkersDev, previews_enabled: false });
  });
  routes.put("/workers/scripts/:name/schedules", async (c) => {
    const worker = account.workers.get(c.req.param("name"));
    if (worker === undefined) return missing(c);
    worker.crons = z
      .array(z.object({ cron: z.string() }))
      .parse(await c.req.json())
      .map(({ cron }) => cron);
    return success(c, { schedules: worker.crons.map((cron) => ({ cron })) });
  });
  routes.put("/workers/scripts/:name/routes", async (c) => {
    const worker = account.workers.get(c.req.param("name"));
    if (worker === undefined) return missing(c);
    worker.routes = z
      .array(z.object({ pattern: z.string() }))
      .parse(await c.req.json())
      .map(({ pattern }) => pattern);
    return success(c, worker.routes);
  });
  routes.delete("/workers/scripts/:name", async (c) => {
    if (!account.workers.delete(c.req.param("name"))) return missing(c);
    await runtime.remove();
    return success(c, null);
  });

  routes.get("/workflows/:name", (c) => {
    const found = account.workflows.get(c.req.param("name"));
    return found === undefined
      ? failure(c, 404, 10_200, "workflow.not_found")
      : success(c, { name: c.req.param("name"), script_name: found.script, class_name: found.className });
  });
  routes.put("/workflows/:name", async (c) => {
    if (account.subdomain === null) return failure(c, 400, 10_063, "You need a workers.dev subdomain.");
    const body = z.object({ script_name: z.string(), class_name: z.string() }).parse(await c.req.json());
    account.workflows.set(c.req.param("name"), { script: body.script_name, className: body.class_name });
    return success(c, {
      name: c.req.param("name"),
      script_name: body.script_name,
      class_name: body.class_name,
      id: account.newId(),
      version_id: account.newId(),
      created_on: "",
      modified_on: "",
    });
  });
  routes.delete("/workflows/:name", (c) => {
    account.workflows.delete(c.req.param("name"));
    return success(c, { status: "ok", success: true });
  });

  async function activate(worker: DeployedWorker, id: string): Promise<void> {
    worker.active = id;
    await runtime.boot(requireActive(worker), account.assets);
  }
  return routes;
}

const makeWorker = (active: string): DeployedWorker => ({
  versions: [],
  active,
  migrationTag: null,
  classes: new Set(),
  crons: [],
  isOnWorkersDev: false,
  routes: [],
});

function findActive(worker: DeployedWorker | undefined): Upload | undefined {
  return worker?.versions.find(({ id }) => id === worker.active);
}

function requireActive(worker: DeployedWorker): Upload {
  const found = findActive(worker);
  if (found === undefined) throw new Error(`no version ${worker.active}`);
  return found;
}

async function readUpload(c: Context, account: Account): Promise<Upload> {
  const form = await c.req.formData();
  const metadata = JSON.parse(await textOf(form.get("metadata"))) as UploadMetadata;
  const modules = new Map<string, string>();
  for (const [name, part] of form.entries()) if (name !== "metadata") modules.set(name, await textOf(part));
  const manifest = account.manifests.get(metadata.assets?.jwt ?? "") ?? {};
  return { id: account.newId(), metadata, modules, manifest };
}

async function textOf(part: File | string | null): Promise<string> {
  return part === null ? "" : typeof part === "string" ? part : part.text();
}

/** Why Cloudflare would not take it: a class without an object migration, a database that does not exist, a wrong tag. */
function findRefusal(account: Account, worker: DeployedWorker | undefined, { metadata }: Upload) {
  const { migrations, bindings } = metadata;
  if (migrations !== undefined && (migrations.old_tag ?? null) !== (worker?.migrationTag ?? null))
    return { code: 10_079, message: `The migration's old tag is not ${worker?.migrationTag ?? "none"}` };
  const classes = new Set([...(worker?.classes ?? []), ...listNewClasses(metadata)]);
  const known = new Set(findActive(worker)?.metadata.bindings.map(({ name }) => name));
  const uninheritable = bindings.filter(({ type, name }) => type === "inherit" && !known.has(name));
  if (uninheritable.length > 0)
    return {
      code: 10_057,
      message: uninheritable.map(({ name }) => `inherit binding '${name}' is invalid`).join("\n"),
    };
  for (const { type, class_name = "", id = "" } of bindings) {
    if (type === "durable_object_namespace" && !classes.has(class_name))
      return { code: 10_061, message: `Cannot create binding for class ${class_name}: it has no migration` };
    if (type === "d1" && !account.databases.has(id))
      return { code: 10_181, message: "D1 binding references a database which was not found" };
  }
  return null;
}

function applyMigration(worker: DeployedWorker, metadata: UploadMetadata): void {
  if (metadata.migrations === undefined) return;
  for (const name of listNewClasses(metadata)) worker.classes.add(name);
  worker.migrationTag = metadata.migrations.new_tag;
}

const step = z.object({ new_sqlite_classes: z.array(z.string()).default([]) });
const listNewClasses = ({ migrations }: UploadMetadata): string[] =>
  (migrations?.steps ?? []).flatMap((each) => step.parse(each).new_sqlite_classes);
