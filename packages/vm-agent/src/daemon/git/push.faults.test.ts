/** Pushes against a real https server that others push to at the same moment, or that refuses in every way that hosts do. */
import { ok } from "@samovar/base";
import { PLAIN_CHECKOUT } from "@samovar/contracts";
import { inSeries } from "@samovar/testing/series";
import * as fc from "fast-check";
import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { cloneRepository } from "./clone.ts";
import type { CheckoutPlaces } from "./clone.ts";
import type { FinishInput } from "./finish.ts";
import { bundleCheckout, finishCheckout } from "./finish.ts";
import { alone, cloneOf, gitBy, makeRepository, neverAborted, placesIn, writeFiles } from "./repositories.testing.ts";
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
  base = gitBy(seed, "rev-parse", "HEAD");
  gitBy(seed, "commit", "--quiet", "--allow-empty", "--message=Somebody else's");
  foreign = gitBy(seed, "rev-parse", "HEAD");
  gitBy(root, "clone", "--quiet", "--bare", seed, join(root, "model.git"));
  gitBy(join(root, "model.git"), "update-ref", "refs/heads/main", base);
  gitBy(join(root, "model.git"), "update-ref", "refs/keep/foreign", foreign);
  const made = await cloneRepository(cloneOf(join(root, "model.git")), placesIn(join(root, "checkout")), alone());
  if (!made.ok) throw new Error(made.error.message);
});
afterAll(() => service.stop());

/** A remote of its own, and so many checkouts of it. */
function world(checkouts: number) {
  const name = `${++count}.git`;
  const origin = join(root, "served", name);
  cpSync(join(root, "model.git"), origin, { recursive: true });
  const all = Array.from({ length: checkouts }, (_, i) => {
    const directory = join(root, `w${count}-${i}`);
    cpSync(join(root, "checkout"), directory, { recursive: true });
    return placesIn(directory);
  });
  server.open();
  return { origin, url: server.url(name), all };
}

const inputFor = (repoUrl: string): FinishInput => ({
  repoUrl,
  branch: "task/a",
  baseCommit: base,
  commit: true,
  push: true,
  commitMessage: "Milk",
  checkout: PLAIN_CHECKOUT,
});
const finish = (url: string, places: CheckoutPlaces) =>
  finishCheckout(inputFor(url), places, { signal: neverAborted(), askLogin: async () => ok(null), timeoutMs: 60_000 });

const branchesOf = (origin: string) =>
  new Map(
    gitBy(origin, "for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads")
      .split("\n")
      .map((line): [string, string] => [line.split(" ")[0] ?? "", line.split(" ")[1] ?? ""]),
  );

const intrusion = fc.record({
  /** The how many-th request of this kind others are faster than. */
  at: fc.record({ kind: fc.constantFrom<GitRequest>("look-to-push", "push"), nth: fc.integer({ min: 1, max: 3 }) }),
  branch: fc.constantFrom("task/a", "task/a-2", "task/a/b", "task/a-3"),
  /** At our base ours would go forward from it, elsewhere not: neither may happen. */
  tip: fc.constantFrom("base", "foreign"),
});

/** False when the name, or one that it cannot stand beside, was taken first: a push may end at the same moment. */
function intrude(origin: string, branch: string, tip: string): boolean {
  const has = [...branchesOf(origin).keys()];
  if (has.some((name) => name === branch || name.startsWith(`${branch}/`) || branch.startsWith(`${name}/`)))
    return false;
  try {
    gitBy(origin, "update-ref", `refs/heads/${branch}`, tip, "");
    return true;
  } catch (error) {
    if (/cannot lock ref/.test(String(error))) return false;
    throw error;
  }
}

test("[R14] [F42] whoever else pushes such a name at whatever moment keeps it; ours gets another, and nothing is forced", async () => {
  const runs = fc.record({ finishers: fc.integer({ min: 1, max: 3 }), others: fc.array(intrusion, { maxLength: 3 }) });
  await fc.assert(
    fc.asyncProperty(runs, async ({ finishers, others }) => {
      const { origin, url, all } = world(finishers);
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
      for (const [i, places] of all.entries()) writeFiles(places.repo, { "work.txt": `of ${i}\n` });
      const outputs = await Promise.all(all.map((places) => finish(url, places)));

      const ours = outputs.map(({ branch }) => branch ?? "");
      expect(outputs.map(({ pushed, pushError }) => [pushed, pushError])).toEqual(outputs.map(() => [true, null]));
      expect(new Set(ours).size).toBe(ours.length);
      const has = branchesOf(origin);
      for (const [i, places] of all.entries())
        expect(has.get(ours[i] ?? "")).toBe(gitBy(places.repo, "rev-parse", "HEAD"));
      for (const [name, tip] of theirs) expect([name, has.get(name)]).toEqual([name, tip]);
      expect([...has.keys()].toSorted()).toEqual(["main", ...ours, ...theirs.keys()].toSorted());
    }),
    { numRuns: inSeries({ short: 8, long: 24 }) },
  );
});

/** Each makes the remote refuse what is pushed to it, in one of the ways that hosts have. */
const REFUSALS = {
  "a pre-receive hook": ({ origin }) => hook(origin, "pre-receive", "echo 'no tea today' >&2; exit 1"),
  "a protected branch": ({ origin }) =>
    hook(origin, "update", 'case "$1" in refs/heads/task/*) echo protected >&2; exit 1;; esac'),
  "a read-only remote": ({ origin }) => gitBy(origin, "config", "http.receivepack", "false"),
  "no login": () => Object.assign(server.rules, { closed: "pushers" }),
  "a forbidden push": () => refuse(["look-to-push"], 403),
  "a host that is out of order": () => refuse(["look-to-push", "push"], 500),
  "a connection that is cut in the push": () => refuse(["push"], "cut"),
  "a connection that is cut always": () => refuse(["read", "look-to-push", "push"], "cut"),
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

/** What an agent may have left, with some work in HEAD or beside it. */
const STATES = {
  "leftovers alone": () => {},
  "commits of its own": (repo) => commit(repo, "own.txt"),
  "a detached HEAD": (repo) => {
    gitBy(repo, "switch", "--quiet", "--detach");
    commit(repo, "own.txt");
  },
  "another branch": (repo) => {
    gitBy(repo, "switch", "--quiet", "--create", "idea");
    commit(repo, "own.txt");
  },
  "a branch that was renamed": (repo) => gitBy(repo, "branch", "--move", "renamed"),
  "a history of its own": (repo) => gitBy(repo, "checkout", "--quiet", "--orphan", "fresh"),
  "a base that was rewritten": (repo) => gitBy(repo, "commit", "--quiet", "--amend", "--message=Other words"),
} satisfies Record<string, (repo: string) => unknown>;

function commit(repo: string, file: string): void {
  writeFiles(repo, { [file]: "own\n" });
  gitBy(repo, "add", "--all");
  gitBy(repo, "commit", "--quiet", "--message=Own");
}

const names = <T extends object>(table: T) => Object.keys(table) as (keyof T)[];

test("[R14] [F41] refused in whatever way, in whatever state the checkout is: the work is committed, told, and whole in a bundle", async () => {
  const runs = fc.record({ how: fc.constantFrom(...names(REFUSALS)), state: fc.constantFrom(...names(STATES)) });
  await fc.assert(
    fc.asyncProperty(runs, async ({ how, state }) => {
      const given = world(1);
      const [places] = given.all;
      if (places === undefined) throw new Error("no checkout");
      STATES[state](places.repo);
      writeFiles(places.repo, { "left.txt": "left\n" });
      REFUSALS[how](given);
      const outputs = await finish(given.url, places);
      expect(outputs).toMatchObject({ pushed: false, branch: null, pushError: /\S/ });
      expect(outputs.commits.at(-1)?.subject).toBe("Milk");

      const bundle = await bundleCheckout(inputFor(given.url), places, neverAborted());
      expect(bundle.ok).toBe(true);
      const fresh = join(root, `fresh${count}.git`);
      cpSync(join(root, "model.git"), fresh, { recursive: true });
      gitBy(fresh, "fetch", "--quiet", places.bundle, "task/a:brought");
      expect(gitBy(fresh, "rev-parse", "brought")).toBe(gitBy(places.repo, "rev-parse", "HEAD"));
      expect(gitBy(fresh, "show", "brought:left.txt")).toBe("left");

      // Once the remote takes it again, finishing again pushes the same commits and no others.
      server.open();
      if (how === "a repository that has gone") return;
      rmSync(join(given.origin, "hooks"), { recursive: true, force: true });
      gitBy(given.origin, "config", "http.receivepack", "true");
      expect(await finish(given.url, places)).toMatchObject({ pushed: true, commits: outputs.commits });
    }),
    { numRuns: inSeries({ short: 10, long: 60 }) },
  );
});
