/** What the tests' runtime adds: the Worker's bindings in `cloudflare:workers`, and Vite's imports. */
declare namespace Cloudflare {
  interface Env extends ApiEnv {}
  interface GlobalProps {
    mainModule: typeof import("../src/worker.ts");
  }
}
type ApiEnv = import("../src/env.ts").Env;

interface ImportMeta {
  glob(pattern: string, options: { readonly query: "?raw"; readonly import: "default"; readonly eager: true }): Record<string, string>;
}

declare module "*?raw" {
  const text: string;
  export default text;
}
