/** What a scripted Cloudflare account holds, and which calls it received. */
import { randomUUID } from "node:crypto";

export interface Upload {
  readonly id: string;
  /** The upload's own metadata: bindings, dates, migrations, annotations. */
  readonly metadata: UploadMetadata;
  /** The modules by name. */
  readonly modules: ReadonlyMap<string, string>;
  /** Path to hash of each asset. */
  readonly manifest: Readonly<Record<string, string>>;
}

export interface Binding {
  readonly name: string;
  readonly type: string;
  readonly text?: string;
  readonly id?: string;
  readonly class_name?: string;
  readonly workflow_name?: string;
}

export interface UploadMetadata {
  readonly main_module: string;
  readonly bindings: readonly Binding[];
  readonly compatibility_date: string;
  readonly compatibility_flags: readonly string[];
  readonly keep_bindings?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly migrations?: { readonly old_tag?: string; readonly new_tag: string; readonly steps: readonly unknown[] };
  readonly assets?: { readonly jwt: string; readonly config?: Readonly<Record<string, unknown>> };
}

export interface DeployedWorker {
  readonly versions: Upload[];
  /** The version that has all requests. */
  active: string;
  migrationTag: string | null;
  /** Classes of objects that exist. */
  readonly classes: Set<string>;
  crons: string[];
  isOnWorkersDev: boolean;
  routes: string[];
}

export interface Call {
  readonly method: string;
  /** Without the account. */
  readonly path: string;
}

export interface Zone {
  readonly id: string;
  readonly name: string;
}

export class Account {
  readonly id = "0123456789abcdef0123456789abcdef";
  readonly token = "token-of-the-account";
  /** Calls that the token may not make: how their path begins, below the account, or their method and path. */
  readonly lacking = new Set<string>();
  subdomain: string | null = null;
  readonly zones: Zone[] = [];
  readonly databases = new Map<string, string>();
  readonly workers = new Map<string, DeployedWorker>();
  readonly workflows = new Map<string, { readonly script: string; readonly className: string }>();
  /** Contents of assets by hash, which Cloudflare keeps after a deployment. */
  readonly assets = new Map<string, Buffer>();
  /** Manifests of upload sessions by their token. */
  readonly manifests = new Map<string, Readonly<Record<string, string>>>();
  readonly calls: Call[] = [];
  readonly newId = randomUUID;

  /** Calls that changed something since the last time, as `METHOD path`. */
  takeChanges(): string[] {
    const changes = this.calls.filter(({ method, path }) => method !== "GET" && !path.endsWith("/query"));
    this.calls.length = 0;
    return changes.map(({ method, path }) => `${method} ${path}`);
  }
}
