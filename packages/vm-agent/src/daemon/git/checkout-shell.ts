/** Opens the shell in which git works on a workspace's checkout. */
import { systemTimers } from "@samovar/base";
import { join } from "node:path";
import { createHostSandbox, createRuntimeFailure, type RuntimeChoice } from "../../runtime/choose-runtime.ts";
import { createRuntime } from "../../runtime/create-runtime.ts";
import { WorkspaceShell } from "../../runtime/workspace-shell.ts";
import type { CheckoutPaths } from "./checkout-paths.ts";
import type { GitOptions } from "./git.ts";

/** Variables of the node that programs in the shell get: nothing that opens a login. */
const PASSED_ON = ["PATH", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy"];
const CERTIFICATES = ["SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"];

/** The caller closes it. Throws where the node demands a sandbox that does not work. */
export function openCheckoutShell(choice: RuntimeChoice, paths: CheckoutPaths): WorkspaceShell {
  if (choice.kind === "unavailable") throw new Error(createRuntimeFailure(choice).message);
  const sandbox = createHostSandbox(choice, paths);
  // Without a mark, so that the end of an agent that runs meanwhile leaves it alone.
  const runtime = createRuntime({
    places: { checkout: paths.repo, home: paths.home },
    sandbox,
    mark: "checkout",
    timers: systemTimers,
  });
  const { home } = runtime.seen;
  const passed = [...PASSED_ON, ...CERTIFICATES].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return new WorkspaceShell(runtime, {
    ...Object.fromEntries(passed),
    HOME: home,
    XDG_CONFIG_HOME: join(home, ".config"),
  });
}

/** Options for git on the checkout, in its shell. */
export function getCheckoutOptions(
  shell: WorkspaceShell,
  more: Pick<GitOptions, "settings" | "lfs" | "signal" | "timeoutMs">,
): GitOptions & { readonly shell: WorkspaceShell } {
  const { checkout, home } = shell.seen;
  return { ...more, cwd: checkout, home, shell, repository: { gitDir: join(checkout, ".git"), workTree: checkout } };
}
