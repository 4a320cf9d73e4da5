/**
 * Builds what `samovar up` serves and what nodes install, into dist/:
 *   worker/worker.js           the control plane, one module for workerd
 *   web/                       the web app's files
 *   web/agent/vm-agent-*.cjs   the vm-agent's release, one module for Node 24
 *   web/agent/lockfiles/       the agents' lockfiles, named by their SHA-256
 *   web/agent/releases.json    the files of the last releases, which are kept in web/agent and web/assets
 *   web/_headers               the headers of files that are served without the Worker
 *   release.json               that release's version, path and SHA-256
 *   cli/                       the CLI, which starts from it while its sources are unchanged
 *   build.json                 the fingerprint of the sources, so that an unchanged tree is not built again
 *
 * `node scripts/build.ts [--force]`
 */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "@samovar/base/sha256";
import { build as esbuild } from "esbuild";
import { build as vite } from "vite";
import { buildCli, stampCli } from "./build-cli.ts";
import { bundleVmAgent } from "./bundle-vm-agent.ts";
import { renderHeadersFile } from "../apps/api/src/http/security-headers.ts";
import { computeFingerprint, isFresh } from "./fingerprint.ts";
import { keepReleases, readEarlierReleases, readFromDirectory } from "./keep-releases.ts";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");

const fingerprint = await computeFingerprint(root);
if (!process.argv.includes("--force") && (await isFresh(dist, fingerprint))) {
  // Sources that were rewritten with the same content count as unchanged.
  await stampCli(root);
  process.exit(0);
}

const startedAt = performance.now();
console.error("Building the control plane, the vm-agent, the CLI and the web app …");
const earlier = await readEarlierReleases(readFromDirectory(join(dist, "web")));
await rm(dist, { recursive: true, force: true });
await Promise.all([buildWorker(), buildWeb(), buildCli(root)]);
await buildAgent();
await copyLockfiles();
await writeFile(join(dist, "web/_headers"), renderHeadersFile());
await keepReleases(join(dist, "web"), earlier);
await writeFile(join(dist, "build.json"), `${JSON.stringify({ fingerprint })}\n`);
console.error(`Built in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`);

async function buildWorker(): Promise<void> {
  await esbuild({
    entryPoints: [join(root, "apps/api/src/worker.ts")],
    outfile: join(dist, "worker/worker.js"),
    bundle: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    loader: { ".sql": "text" },
    sourcemap: "linked",
    logLevel: "warning",
  });
}

async function buildWeb(): Promise<void> {
  await vite({
    root: join(root, "apps/web"),
    build: { outDir: join(dist, "web"), emptyOutDir: true, manifest: true },
    logLevel: "warn",
  });
}

async function buildAgent(): Promise<void> {
  const contents = await bundleVmAgent();
  const digest = sha256(contents);
  const { version } = JSON.parse(await readFile(join(root, "packages/vm-agent/package.json"), "utf8")) as {
    version: string;
  };
  const path = `/agent/vm-agent-${version}-${digest.slice(0, 12)}.cjs`;
  await mkdir(join(dist, "web/agent"), { recursive: true });
  await writeFile(join(dist, "web", path), contents);
  await writeFile(join(dist, "release.json"), `${JSON.stringify({ version, path, sha256: digest })}\n`);
}

/** Nodes download these by the digests in the agents' recipes. */
async function copyLockfiles(): Promise<void> {
  const from = join(root, "packages/vm-agent/agents");
  const to = join(dist, "web/agent/lockfiles");
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) {
    const text = await readFile(join(from, name, "package-lock.json"));
    await writeFile(join(to, `${sha256(text)}.json`), text);
  }
}
