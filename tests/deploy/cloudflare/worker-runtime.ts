/** Boots an upload in workerd exactly as its metadata says, with the account's databases. */
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import type { Binding, Upload } from "./account.ts";

/** Before the first upload: what holds the databases. */
const EMPTY = {
  name: "empty",
  modules: true,
  script: "export default { fetch: () => new Response(null, { status: 404 }) }",
  compatibilityDate: "2026-10-01",
};
type Worker = Record<string, unknown> & { readonly d1Databases?: Record<string, string> };

export class WorkerRuntime {
  readonly #miniflare: Miniflare;
  readonly #directory: string;
  readonly #port: number;
  #worker: Worker = EMPTY;
  readonly #databases = new Set<string>();

  private constructor(miniflare: Miniflare, directory: string, port: number) {
    this.#miniflare = miniflare;
    this.#directory = directory;
    this.#port = port;
  }

  static async start(directory: string): Promise<WorkerRuntime> {
    const miniflare = new Miniflare(toOptions(directory, 0, [EMPTY]));
    const { port } = await miniflare.ready;
    return new WorkerRuntime(miniflare, directory, Number(port));
  }

  /** Where the deployed Worker answers, from the first upload on. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async openDatabase(id: string) {
    if (!this.#databases.has(id)) {
      this.#databases.add(id);
      await this.#restart();
    }
    return this.#miniflare.getD1Database(id, "databases");
  }

  /** Replaces the running Worker. `assets`: contents by hash. */
  async boot(upload: Upload, assets: ReadonlyMap<string, Buffer>): Promise<void> {
    const directory = await mkdtemp(join(this.#directory, "upload-"));
    for (const [name, text] of upload.modules) await writeFile(join(directory, name), text);
    const pages = join(directory, "assets");
    for (const [path, hash] of Object.entries(upload.manifest)) {
      await mkdir(dirname(join(pages, path)), { recursive: true });
      await writeFile(join(pages, path), assets.get(hash) ?? "");
    }
    this.#worker = toWorker(upload, directory, pages);
    await this.#restart();
  }

  async remove(): Promise<void> {
    this.#worker = EMPTY;
    await this.#restart();
  }

  async runSchedule(cron: string): Promise<void> {
    const worker = await this.#miniflare.getWorker();
    await worker.scheduled({ cron, scheduledTime: new Date() });
  }

  close(): Promise<void> {
    return this.#miniflare.dispose();
  }

  /** The databases are bound to a Worker of their own, by their ids. */
  async #restart(): Promise<void> {
    const databases = {
      ...EMPTY,
      name: "databases",
      d1Databases: Object.fromEntries([...this.#databases].map((id) => [id, id])),
    };
    await this.#miniflare.setOptions(toOptions(this.#directory, this.#port, [this.#worker, databases]));
  }
}

function toOptions(directory: string, port: number, workers: readonly Worker[]) {
  return convertV4MiniflareOptions({
    host: "127.0.0.1",
    port,
    log: new Log(LogLevel.ERROR),
    handleStructuredLogs: () => {},
    resourcePersistencePath: join(directory, "state"),
    telemetry: { enabled: false },
    cf: false,
    workers: workers as never,
  });
}

function toWorker({ metadata, manifest }: Upload, directory: string, pages: string): Worker {
  const { bindings } = metadata;
  const named = <T>(type: string, value: (binding: Binding) => T): Record<string, T> =>
    Object.fromEntries(bindings.filter((each) => each.type === type).map((each) => [each.name, value(each)]));
  const config = metadata.assets?.config ?? {};
  return {
    name: "samovar",
    modules: [{ type: "ESModule", path: join(directory, metadata.main_module) }],
    modulesRoot: directory,
    compatibilityDate: metadata.compatibility_date,
    compatibilityFlags: metadata.compatibility_flags,
    bindings: { ...named("plain_text", ({ text }) => text), ...named("secret_text", ({ text }) => text) },
    d1Databases: named("d1", ({ id = "" }) => id),
    durableObjects: named("durable_object_namespace", ({ class_name }) => ({ className: class_name, useSQLite: true })),
    workflows: named("workflow", ({ workflow_name, class_name }) => ({ name: workflow_name, className: class_name })),
    ...(Object.keys(manifest).length === 0
      ? {}
      : {
          assets: {
            directory: pages,
            binding: bindings.find(({ type }) => type === "assets")?.name,
            run_worker_first: config["run_worker_first"],
            routerConfig: { has_user_worker: true },
            assetConfig: { not_found_handling: config["not_found_handling"] },
          },
        }),
  };
}
