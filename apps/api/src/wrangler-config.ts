/**
 * Reads wrangler.jsonc, the single source of the Worker's runtime and bindings, and translates it for Miniflare. A key that
 * this file does not know is refused, so that no binding exists on Cloudflare only.
 */
import stripJsonComments from "strip-json-comments";
import * as z from "zod";

const wranglerConfig = z.strictObject({
  $schema: z.string(),
  name: z.string(),
  main: z.string(),
  no_bundle: z.literal(true),
  find_additional_modules: z.literal(false),
  compatibility_date: z.iso.date(),
  compatibility_flags: z.array(z.string()),
  d1_databases: z.tuple([z.strictObject({ binding: z.string(), database_name: z.string() })]),
  durable_objects: z.strictObject({
    bindings: z.array(z.strictObject({ name: z.string(), class_name: z.string() })),
  }),
  migrations: z.array(z.strictObject({ tag: z.string(), new_sqlite_classes: z.array(z.string()) })),
  workflows: z.array(
    z.strictObject({
      binding: z.string(),
      name: z.string(),
      class_name: z.string(),
      limits: z.strictObject({ steps: z.int().positive() }),
    }),
  ),
  assets: z.strictObject({
    directory: z.string(),
    binding: z.string(),
    not_found_handling: z.enum(["none", "single-page-application", "404-page"]),
    run_worker_first: z.union([z.boolean(), z.array(z.string())]),
  }),
  observability: z.strictObject({ enabled: z.boolean() }),
  workers_dev: z.boolean(),
  preview_urls: z.boolean(),
  send_metrics: z.boolean(),
  dependencies_instrumentation: z.strictObject({ enabled: z.boolean() }),
});
export type WranglerConfig = z.infer<typeof wranglerConfig>;

/** Throws an error that names every fault. */
export function parseWranglerConfig(text: string): WranglerConfig {
  const result = wranglerConfig.safeParse(JSON.parse(stripJsonComments(text, { trailingCommas: true })));
  if (result.success) return result.data;
  throw new Error(`apps/api/wrangler.jsonc: ${z.prettifyError(result.error)}`);
}

/** Miniflare's options for a Worker with these bindings, in the shape of its version 4. The caller adds the code and the assets' directory. */
export function toMiniflareOptions(config: WranglerConfig) {
  const { not_found_handling, run_worker_first, binding } = config.assets;
  return {
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags,
    d1Databases: Object.fromEntries(config.d1_databases.map((each) => [each.binding, each.database_name])),
    durableObjects: Object.fromEntries(
      config.durable_objects.bindings.map((each) => [each.name, { className: each.class_name, useSQLite: true }]),
    ),
    workflows: Object.fromEntries(
      config.workflows.map((each) => [
        each.binding,
        { name: each.name, className: each.class_name, stepLimit: each.limits.steps },
      ]),
    ),
    assets: {
      binding,
      run_worker_first,
      routerConfig: { has_user_worker: true },
      assetConfig: { not_found_handling },
    },
  };
}
