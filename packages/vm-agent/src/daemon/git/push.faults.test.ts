/** Pushes to a real https server to which others push at the same moment, or which refuses in every way that hosts do. */
import { PLAIN_CHECKOUT } from "@samovar/contracts";
import { inSeries } from "@samovar/testing/series";
import * as fc from "fast-check";
import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { cloneRepository } from "./clone.ts";
import type { CheckoutPaths } from "./checkout-paths.ts";
import type { FinishInput } from "./finish.ts";
import { bundleCheckout, finishCheckout } from "./finish.ts";
import {
  createClonePorts,
  createCloneInput,
  createFinishPorts,
  runGit,
  makeRepository,
  createSignal,
  makePaths,
  writeFiles,
} from "./repositories.testing.ts";
import type { GitHttpsServer, GitRequest, GitService } from "./servers.testing.ts";
import { startGitService } from "./servers.testing.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 60_000 });

let service: GitService;
let root: string;
let server: GitHttpsServer;
let base: string;
let foreign: string;
let count = 0;

beforeAll(async () => {
  service = await startGitService();
  ({ base: root, server } = service);
  const seed = makeRepository(join(root, "seed"));
  base = runGit(seed, "rev-parse", "HEAD");
  runGit(seed, "commit", "--quiet", "--allow-empty", "--message=Foreign");
  foreign = runGit(seed, "rev-parse", "HEAD");
  runGit(root, "clone", "--quiet", "--bare", seed, join(root, "model.git"));
  runGit(join(root, "model.git"), "update-ref", "refs/heads/main", base);
  runGit(join(root, "model.git"), "update-ref", "refs/keep/foreign", foreign);
  const made = await cloneRepository(
    createCloneInput(join(root, "model.git")),
    makePaths(join(root, "checkout")),
    createClonePorts(),
  );
  if (!made.ok) throw new Error(made.error.message);
});
afterAll(() => service.stop());

/** A fresh remote and this many checkouts of it. */
function createWorld(checkouts: number) {
  const name = `${++count}.git`;
  const origin = join(root, "served", name);
  cpSync(join(root, "model.git"), origin, { recursive: true });
  const all = Array.from({ length: checkouts }, (_, i) => {
    const directory = join(root, `w${count}-${i}`);
    cpSync(join(root, "checkout"), directory, { recursive: true });
    return makePaths(directory);
  });
  server.open();
  return { origin, url: server.url(name), all };
}

const createFinishInput = (repoUrl: string): FinishInput => ({
  repoUrl,
  branch: "task/a",
  baseCommit: base,
  commit: true,
  push: true,
  commitMessage: "Milk",
  checkout: PLAIN_CHECKOUT,
});
const finish = (url: string, paths: CheckoutPaths) =>
  finishCheckout(createFinishInput(url), paths, createFinishPorts());

const listBranches = (origin: string) =>
  new Map(
    runGit(origin, "for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads")
      .split("\n")
      .map((line): [string, string] => [line.split(" ")[0] ?? "", line.split(" ")[1] ?? ""]),
  );

const intrusion = fc.record({
  /** The intrusion comes before the nth request of this kind. */
  at: fc.record({ kind: fc.constantFrom<GitRequest>("push-discovery", "push"), nth: fc.integer({ min: 1, max: 3 }) }),
  branch: fc.constantFrom("task/a", "task/a-2", "task/a/b", "task/a-3"),
  /** A push on top of `base` would be a fast-forward, on top of `foreign` not: neither may happen. */
  tip: fc.constantFrom("base", "foreign"),
});

/** False when the name, or a conflicting one, was taken first: a push may end at the same moment. */
function intrude(origin: string, branch: string, tip: string): boolean {
  const has = [...listBranches(origin).keys()];
  if (has.some((name) => name === branch || name.startsWith(`${branch}/`) || branch.startsWith(`${name}/`)))
    return false;
  try {
    runGit(origin, "update-ref", `refs/heads/${branch}`, tip, "");
    return true;
  } catch (error) {
    if (/cannot lock ref/.test(String(error))) return false;
    throw error;
  }
}

test("[R14] [F42] leaves branches that others push at any moment alone, chooses another name, and forces nothing", async () => {
  const runs = fc.record({ finishers: fc.integer({ min: 1, max: 3 }), others: fc.array(intrusion, { maxLength: 3 }) });
  await fc.assert(
    fc.asyncProperty(runs, async ({ finishers, others }) => {
      const { origin, url, all } = createWorld(finishers);
      const theirs = new Map<string, string>();
      const seen: Partial<Record<GitRequest, number>> = {};
      server.rules.before = (kind) => {
        seen[kind] = (seen[kind] ?? 0) + 1;
        for (const { at, branch, tip } of others) {
          if (at.kind !== kind || at.nth !== seen[kind]) continue;
          const theirTip = tip === "base" ? base : foreign;
          if (intrude(origin, branch, theirTip)) theirs.set(branch, theirTip);
        }
      };
      for (const [i, paths] of all.entries()) writeFiles(paths.repo, { "work.txt": `of ${i}\n` });
      const outputs = await Promise.all(all.map((paths) => finish(url, paths)));

      const ours = outputs.map(({ branch }) => branch ?? "");
      expect(outputs.map(({ pushed, pushError }) => [pushed, pushError])).toEqual(outputs.map(() => [true, null]));
      expect(new Set(ours).size).toBe(ours.length);
      const has = listBranches(origin);
      for (const [i, paths] of all.entries())
        expect(has.get(ours[i] ?? "")).toBe(runGit(paths.repo, "rev-parse", "HEAD"));
      for (const [name, tip] of theirs) expect([name, has.get(name)]).toEqual([name, tip]);
      expect([...has.keys()].toSorted()).toEqual(["main", ...ours, ...theirs.keys()].toSorted());
    }),
    { numRuns: inSeries({ short: 8, long: 24 }) },
  );
});

/** Ways in which hosts refuse a push. */
const REFUSALS = {
  "a pre-receive hook": ({ origin }) => hook(origin, "pre-receive", "echo 'no tea today' >&2; exit 1"),
  "a protected branch": ({ origin }) =>
    hook(origin, "update", 'case "$1" in refs/heads/task/*) echo protected >&2; exit 1;; esac'),
  "a read-only remote": ({ origin }) => runGit(origin, "config", "http.receivepack", "false"),
  "no login": () => Object.assign(server.rules, { access: "public-read" }),
  "a forbidden push": () => refuse(["push-discovery"], 403),
  "a host that is out of order": () => refuse(["push-discovery", "push"], 500),
  "a connection that is cut in the push": () => refuse(["push"], "cut"),
  "a connection that is cut always": () => refuse(["read", "push-discovery", "push"], "cut"),
  "a repository that has gone": ({ origin }) => rmSync(origin, { recursive: true }),
} satisfies Record<string, (world: { readonly origin: string }) => unknown>;

function hook(origin: string, name: string, lines: string): void {
  mkdirSync(join(origin, "hooks"), { recursive: true });
  writeFileSync(join(origin, "hooks", name), `#!/bin/sh\n${lines}\n`);
  chmodSync(join(origin, "hooks", name), 0o755);
}

function refuse(kinds: readonly GitRequest[], how: number | "cut"): void {
  server.rules.before = (kind) => (kinds.includes(kind) ? how : undefined);
}

/** States in which an agent may leave a checkout. */
const STATES = {
  "leftovers alone": () => {},
  "commits by the agent": (repo) => commit(repo, "own.txt"),
  "a detached HEAD": (repo) => {
    runGit(repo, "switch", "--quiet", "--detach");
    commit(repo, "own.txt");
  },
  "another branch": (repo) => {
    runGit(repo, "switch", "--quiet", "--create", "idea");
    commit(repo, "own.txt");
  },
  "a branch that was renamed": (repo) => runGit(repo, "branch", "--move", "renamed"),
  "an unrelated history": (repo) => runGit(repo, "checkout", "--quiet", "--orphan", "fresh"),
  "a base that was rewritten": (repo) => runGit(repo, "commit", "--quiet", "--amend", "--message=Other words"),
} satisfies Record<string, (repo: string) => unknown>;

function commit(repo: string, file: string): void {
  writeFiles(repo, { [file]: "own\n" });
  runGit(repo, "add", "--all");
  runGit(repo, "commit", "--quiet", "--message=Own");
}

const names = <T extends object>(table: T) => Object.keys(table) as (keyof T)[];

test("[R14] [F41] commits, reports and bundles the work however the push is refused and whatever state the checkout is in", async () => {
  const runs = fc.record({ how: fc.constantFrom(...names(REFUSALS)), state: fc.constantFrom(...names(STATES)) });
  await fc.assert(
    fc.asyncProperty(runs, async ({ how, state }) => {
      const given = createWorld(1);
      const [paths] = given.all;
      if (paths === undefined) throw new Error("no checkout");
      STATES[state](paths.repo);
      writeFiles(paths.repo, { "left.txt": "left\n" });
      REFUSALS[how](given);
      const outputs = await finish(given.url, paths);
      expect(outputs).toMatchObject({ pushed: false, branch: null, pushError: /\S/ });
      expect(outputs.commits.at(-1)?.subject).toBe("Milk");

      const bundle = await bundleCheckout(createFinishInput(given.url), paths, createSignal());
      expect(bundle.ok).toBe(true);
      const fresh = join(root, `fresh${count}.git`);
      cpSync(join(root, "model.git"), fresh, { recursive: true });
      runGit(fresh, "fetch", "--quiet", paths.bundle, "task/a:brought");
      expect(runGit(fresh, "rev-parse", "brought")).toBe(runGit(paths.repo, "rev-parse", "HEAD"));
      expect(runGit(fresh, "show", "brought:left.txt")).toBe("left");

      // Once the remote takes it again, finishing again pushes the same commits and no others.
      server.open();
      if (how === "a repository that has gone") return;
      rmSync(join(given.origin, "hooks"), { recursive: true, force: true });
      runGit(given.origin, "config", "http.receivepack", "true");
      expect(await finish(given.url, paths)).toMatchObject({ pushed: true, commits: outputs.commits });
    }),
    { numRuns: inSeries({ short: 10, long: 60 }) },
  );
});
