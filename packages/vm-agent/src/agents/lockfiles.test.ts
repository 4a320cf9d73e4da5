/** The lockfiles that ship with Samovar agree with the rows of the built-in agents. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "@samovar/base/sha256";
import type { AgentPackage } from "@samovar/contracts";
import { AGENTS } from "@samovar/domain/agents";
import { expect, test } from "vitest";
import * as z from "zod";

const FOLDER = join(import.meta.dirname, "../../agents");
/** OpenCode 1.18.33 for platforms on which it could not be locked: the registry at hand served no such version. There it is not installed. */
const NOT_LOCKED = [
  "opencode-darwin-arm64",
  "opencode-darwin-x64-baseline",
  "opencode-linux-arm64",
  "opencode-linux-arm64-musl",
  "opencode-linux-x64-baseline-musl",
];

const lockfile = z.object({
  lockfileVersion: z.literal(3),
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      resolved: z.string().optional(),
      integrity: z.string().optional(),
      dependencies: z.record(z.string(), z.string()).optional(),
    }),
  ),
});
const packages: AgentPackage[] = Object.values(AGENTS).flatMap(({ recipe: { program } }) =>
  program.from === "npm" ? [program.package] : [],
);
const locked = packages.flatMap(({ version, lockfiles = {} }) =>
  Object.entries(lockfiles).map(([name, digest]) => ({ name, version, digest })),
);
const folderOf = (name: string) => name.replace("/", "+");
const readText = (name: string) => readFileSync(join(FOLDER, folderOf(name), "package-lock.json"), "utf8");

test("[security 36] every package of a built-in agent has a lockfile, apart from named ones", () => {
  const names = packages.flatMap(({ name, platforms }) =>
    platforms === undefined ? [name] : Object.values(platforms),
  );
  const lockedNames = locked.map(({ name }) => name);
  expect(names.filter((name) => !lockedNames.includes(name)).toSorted()).toEqual(NOT_LOCKED);
  expect(readdirSync(FOLDER).toSorted()).toEqual(lockedNames.map(folderOf).toSorted());
});

test.each(locked)("[security 36] $name is locked at the version and digest of its row", ({ name, version, digest }) => {
  expect(sha256(readText(name)), "run: node scripts/lock-agents.ts").toBe(digest);
  const { packages: entries } = lockfile.parse(JSON.parse(readText(name)));
  expect(entries[""]?.dependencies).toEqual({ [name]: version });
  expect(entries[`node_modules/${name}`]?.version).toBe(version);
});

test.each(locked)("[security 36] each entry for $name comes from the npm registry and has a checksum", ({ name }) => {
  const { "": _root, ...entries } = lockfile.parse(JSON.parse(readText(name))).packages;
  const faulty = Object.entries(entries).filter(
    ([, { resolved = "", integrity = "" }]) =>
      !resolved.startsWith("https://registry.npmjs.org/") || !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity),
  );
  expect(faulty).toEqual([]);
});

test.each([
  ["@agentclientprotocol/claude-agent-acp", "node_modules/@anthropic-ai/claude-agent-sdk-"],
  ["@agentclientprotocol/codex-acp", "node_modules/@openai/codex-"],
])("%s is locked for every platform", (name, prefix) => {
  const { packages: entries } = lockfile.parse(JSON.parse(readText(name)));
  for (const platform of ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"])
    expect(entries).toHaveProperty([`${prefix}${platform}`]);
});
