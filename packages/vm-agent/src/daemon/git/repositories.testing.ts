/** For tests: real repositories, made with git in temporary directories. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ok } from "@samovar/base";
import { NO_LIMITS, PLAIN_CHECKOUT } from "@samovar/contracts";
import type { CheckoutPaths } from "./checkout-paths.ts";
import { makeCheckoutPaths } from "./checkout-paths.ts";
import type { CloneInput, ClonePorts } from "./clone.ts";
import { cloneRepository } from "./clone.ts";
import type { FinishInput, FinishPorts } from "./finish.ts";
import type { RuntimeChoice } from "../../runtime/choose-runtime.ts";

export function makeDirectory(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), "samovar-test-")));
}

/** Runs git without the computer's settings; returns its trimmed output. */
export function runGit(directory: string, ...args: string[]): string {
  return execFileSync("git", args, {
    cwd: directory,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"],
      HOME: directory,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_AUTHOR_NAME: "Ada",
      GIT_AUTHOR_EMAIL: "ada@example.org",
      GIT_COMMITTER_NAME: "Ada",
      GIT_COMMITTER_EMAIL: "ada@example.org",
    },
  }).trim();
}

/** A repository with these files in one commit on `main`. */
export function makeRepository(
  directory: string,
  files: Readonly<Record<string, string>> = { "README.md": "# Tea\n" },
): string {
  mkdirSync(directory, { recursive: true });
  runGit(directory, "init", "--quiet", "--initial-branch=main");
  writeFiles(directory, files);
  runGit(directory, "add", "--all");
  runGit(directory, "commit", "--quiet", "--message=First");
  return directory;
}

export function writeFiles(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
}

export function makePaths(directory: string): CheckoutPaths {
  mkdirSync(directory, { recursive: true });
  return makeCheckoutPaths(directory);
}

export function createCloneInput(repoUrl: string, more: Partial<CloneInput> = {}): CloneInput {
  return {
    repoUrl,
    baseBranch: null,
    branch: "task/a",
    commitIdentity: { name: "Samovar", email: "samovar@localhost" },
    checkout: PLAIN_CHECKOUT,
    ...more,
  };
}

/** Ports without a cancel and without a stored login. */
export const createClonePorts = (): ClonePorts => ({ signal: createSignal(), requestLogin: async () => ok(null) });

export const PROCESS_RUNTIME: RuntimeChoice = { kind: "process", reason: null, sandbox: null };

/** For a finish without a cancel and without a stored login, in the process runtime. */
export const createFinishPorts = (more: Partial<FinishPorts> = {}): FinishPorts => ({
  ...createClonePorts(),
  runtime: PROCESS_RUNTIME,
  limits: NO_LIMITS,
  timeoutMs: 120_000,
  ...more,
});

export const createSignal = (): AbortSignal => new AbortController().signal;

/** A bare repository with these files, its checkout, and the input to finish it. */
export async function makeCheckout(
  root: string,
  files: Readonly<Record<string, string>>,
  commitMessage: string,
): Promise<{ readonly origin: string; readonly paths: CheckoutPaths; readonly input: FinishInput }> {
  makeRepository(join(root, "seed"), files);
  const origin = join(root, "origin.git");
  runGit(root, "clone", "--quiet", "--bare", join(root, "seed"), origin);
  const paths = makePaths(join(root, "w"));
  const checkout = await cloneRepository(createCloneInput(origin), paths, createClonePorts());
  if (!checkout.ok) throw new Error(checkout.error.message);
  const input = {
    repoUrl: origin,
    ...checkout.value,
    commit: true,
    push: true,
    commitMessage,
    checkout: PLAIN_CHECKOUT,
  };
  return { origin, paths, input };
}
