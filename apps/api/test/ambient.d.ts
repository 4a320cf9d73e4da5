/** What the tests' runtime adds: the Worker's bindings in `cloudflare:workers`, and Vite's globs. */
import type { Env as ApiEnv } from "../src/env.ts";
import type * as worker from "../src/worker.ts";

declare global {
  namespace Cloudflare {
    interface Env extends ApiEnv {}
    interface GlobalProps {
      mainModule: typeof worker;
    }
  }

  interface ImportMeta {
    glob(
      pattern: string,
      options: { readonly query: "?raw"; readonly import: "default"; readonly eager: true },
    ): Record<string, string>;
  }
}
