/**
 * Keeps the files of earlier releases in a new build: a node that boots during a deployment downloads the vm-agent that its
 * user data names, and an open page loads parts of the page that it came with. Both names change with their content.
 * `agent/releases.json` lists the files of each release with their SHA-256, the newest first.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { sha256 } from "@samovar/base/sha256";
import * as z from "zod";

/** The newest one included. */
export const KEPT_RELEASES = 5;
const LIST = "agent/releases.json";
/** The folders whose files have names that change with their content. */
const KEPT_FOLDERS = ["agent", "assets"];

const filePath = z.string().regex(/^(agent|assets)(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/);
const releaseFiles = z.record(filePath, z.string().regex(/^[0-9a-f]{64}$/));
const releaseList = z.object({ version: z.literal(1), releases: z.array(releaseFiles).max(100) });
type ReleaseFiles = z.infer<typeof releaseFiles>;

export interface EarlierReleases {
  readonly releases: readonly ReleaseFiles[];
  readonly contents: ReadonlyMap<string, Uint8Array>;
}

/** Reads one file of a build; null if it has none at that path. */
export type ReadFile = (path: string) => Promise<Uint8Array | null>;

/** The build in that directory. */
export const readFromDirectory =
  (web: string): ReadFile =>
  async (path) => {
    try {
      return await readFile(join(web, path));
    } catch {
      return null;
    }
  };

/** The build that is deployed at that address. Throws if the address does not answer. */
export const readFromUrl =
  (url: string): ReadFile =>
  async (path) => {
    const answer = await fetch(new URL(`/${path}`, url), { redirect: "error", signal: AbortSignal.timeout(60_000) });
    return answer.ok ? new Uint8Array(await answer.arrayBuffer()) : null;
  };

/** The releases of an earlier build with their undamaged files. Empty without a list. */
export async function readEarlierReleases(read: ReadFile): Promise<EarlierReleases> {
  const list = releaseList.safeParse(parseList(await read(LIST)));
  const releases = list.success ? list.data.releases.slice(0, KEPT_RELEASES) : [];
  const contents = new Map<string, Uint8Array>();
  for (const [path, digest] of releases.flatMap((files) => Object.entries(files))) {
    const data = contents.has(path) ? null : await read(path);
    if (data !== null && sha256(data) === digest) contents.set(path, data);
  }
  return { releases, contents };
}

/** Adds the files of the earlier releases to the build in that directory, and writes its list. Repeatable. */
export async function keepReleases(web: string, earlier: EarlierReleases): Promise<void> {
  const known = await readEarlierReleases(readFromDirectory(web));
  const newest = known.releases[0] ?? (await digestFiles(web));
  const others = [...known.releases.slice(1), ...earlier.releases].filter((files) => !isSame(files, newest));
  const releases = [newest, ...removeRepeated(others)].slice(0, KEPT_RELEASES);
  const wanted = new Set(releases.flatMap((files) => Object.keys(files)));
  const present = new Set(Object.keys(await digestFiles(web)));
  for (const [path, data] of earlier.contents) {
    if (!wanted.has(path) || present.has(path)) continue;
    await mkdir(dirname(join(web, path)), { recursive: true });
    await writeFile(join(web, path), data);
  }
  await writeFile(join(web, LIST), `${JSON.stringify({ version: 1, releases })}\n`);
}

const isSame = (one: ReleaseFiles, other: ReleaseFiles) =>
  JSON.stringify(Object.entries(one).toSorted()) === JSON.stringify(Object.entries(other).toSorted());

const removeRepeated = (releases: readonly ReleaseFiles[]) =>
  releases.filter((files, at) => releases.findIndex((each) => isSame(each, files)) === at);

async function digestFiles(web: string): Promise<ReleaseFiles> {
  const folders = KEPT_FOLDERS.map(async (folder) => {
    const entries = await readdir(join(web, folder), { withFileTypes: true, recursive: true }).catch(() => []);
    return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  });
  const files = (await Promise.all(folders)).flat().toSorted();
  const digests = files.map(async (file) => [relative(web, file), sha256(await readFile(file))] as const);
  return Object.fromEntries((await Promise.all(digests)).filter(([path]) => path !== LIST));
}

function parseList(data: Uint8Array | null): unknown {
  try {
    return data === null ? null : JSON.parse(new TextDecoder().decode(data));
  } catch {
    return null;
  }
}
