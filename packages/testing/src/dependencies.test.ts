/** The dependencies of all packages: known by name, locked by checksum. A new one is added here, knowingly. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import * as z from "zod";

const ROOT = join(import.meta.dirname, "../../..");

/** What is part of a build or an installation, apart from what these need themselves. */
const KNOWN = [
  "@agentclientprotocol/sdk",
  "@atlaskit/pragmatic-drag-and-drop",
  "@hono/node-server",
  "@hono/zod-openapi",
  "@tanstack/react-query",
  "@tanstack/react-router",
  "@tanstack/react-virtual",
  "anser",
  "clsx",
  "cmdk",
  "commander",
  "croner",
  "diff",
  "drizzle-orm",
  "highlight.js",
  "hono",
  "jose",
  "lucide-react",
  "marked",
  "miniflare",
  "node",
  "radix-ui",
  "react",
  "react-dom",
  "remend",
  "strip-json-comments",
  "ws",
  "yaml",
  "zod",
  "zustand",
];
/** Their scripts run at an installation from the sources. */
const WITH_INSTALL_SCRIPTS = ["esbuild", "node", "simple-git-hooks", "workerd"];

const read = (path: string): unknown => JSON.parse(readFileSync(join(ROOT, path), "utf8"));
const manifest = z.object({ dependencies: z.record(z.string(), z.string()).default({}) });
const lockfile = z.object({
  packages: z.record(
    z.string(),
    z.object({
      link: z.boolean().optional(),
      resolved: z.string().optional(),
      integrity: z.string().optional(),
      hasInstallScript: z.boolean().optional(),
    }),
  ),
});
const locked = Object.entries(lockfile.parse(read("package-lock.json")).packages).filter(
  ([path, { link }]) => path.includes("node_modules/") && link !== true,
);

test("[security 36] each dependency of a package is on the list, and nothing on it is unused", () => {
  const manifests = ["package.json", ...globSync("{packages,apps}/*/package.json", { cwd: ROOT })];
  const names = manifests.flatMap((path) => Object.keys(manifest.parse(read(path)).dependencies));
  expect([...new Set(names)].filter((name) => !name.startsWith("@samovar/")).toSorted()).toEqual(KNOWN);
});

test("[security 36] each locked package has a checksum, and comes from the npm registry", () => {
  expect(locked.length).toBeGreaterThan(100);
  const faulty = locked.filter(
    ([, { resolved, integrity = "" }]) =>
      !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity) || resolved?.startsWith("https://registry.npmjs.org/") === false,
  );
  expect(faulty.map(([path]) => path)).toEqual([]);
});

test("[security 36] no package runs a script at its installation, apart from known ones", () => {
  const names = locked.flatMap(([path, { hasInstallScript }]) =>
    hasInstallScript === true ? [path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length)] : [],
  );
  expect([...new Set(names)].toSorted()).toEqual(WITH_INSTALL_SCRIPTS);
});
