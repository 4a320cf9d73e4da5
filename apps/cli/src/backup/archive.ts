/**
 * The file of a backup: a compressed tar archive with a manifest, which names the format's version and the SHA-256 of each file.
 * Written and read as a stream.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { lstat, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { errorMessage, parseJson } from "@samovar/base";
import { millis } from "@samovar/contracts";
import * as z from "zod";
import { CliError } from "../client/errors.ts";

const FORMAT = "samovar-backup";
const VERSION = 1;
const MANIFEST = "manifest.json";

const envelope = z.object({ format: z.literal(FORMAT), version: z.number().int().positive() });

const manifest = z.object({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  createdAt: millis,
  installationId: z.string(),
  /** The database's migrations when it was made. */
  migrations: z.array(z.string()),
  files: z.array(z.object({ path: z.string(), bytes: z.number().int().nonnegative(), sha256: z.string() })),
});
export type Manifest = z.infer<typeof manifest>;

/** Packs a directory. Adds the manifest to it. */
export async function packDirectory(
  directory: string,
  about: Pick<Manifest, "createdAt" | "installationId" | "migrations">,
  to: Writable,
): Promise<Manifest> {
  const paths = await listPaths(directory);
  const files = [];
  for (const path of paths) files.push(await describeFile(directory, path));
  const made: Manifest = { format: FORMAT, version: VERSION, ...about, files };
  await writeFile(join(directory, MANIFEST), `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 });
  const names = [...new Set(paths.map((path) => path.split("/", 1).join("")))];
  const tar = spawn("tar", ["-c", "-f", "-", "-C", directory, MANIFEST, ...names], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = readEnd(tar);
  await pipeline(tar.stdout, createGzip({ level: 3 }), to);
  const { code, errors } = await ended;
  if (code !== 0) throw new CliError(`The backup could not be packed: ${errors}`, "Check that there is free space.");
  return made;
}

/**
 * Unpacks into an empty directory, and checks every file. Throws {@link CliError} for what is no backup, is damaged, or was made by
 * a newer version.
 */
export async function unpackInto(directory: string, from: Readable): Promise<Manifest> {
  const tar = spawn("tar", ["-x", "-f", "-", "-C", directory, "--no-same-owner", "--no-same-permissions"], {
    stdio: ["pipe", "ignore", "pipe"],
  });
  const ended = readEnd(tar);
  const stream = await pipeline(from, createGunzip(), (chunks) => feed(chunks, tar.stdin)).then(
    () => null,
    (error: unknown) => errorMessage(error),
  );
  const { code, errors } = await ended;
  const text = await readFile(join(directory, MANIFEST), "utf8").catch(() => "");
  const found = readManifest(text);
  if (stream !== null || code !== 0) throw refuseDamaged(stream ?? errors);
  await checkFiles(directory, found);
  return found;
}

/** Reads to the end, whose checksum counts, though tar may have exited at its own mark of the end. */
async function feed(chunks: AsyncIterable<Buffer>, tar: Writable): Promise<void> {
  tar.on("error", () => {});
  try {
    for await (const chunk of chunks)
      if (tar.writable && !tar.write(chunk)) await Promise.race([once(tar, "drain"), once(tar, "close")]);
  } finally {
    tar.end();
  }
}

function readManifest(text: string): Manifest {
  const value = parseJson(text);
  const cover = envelope.safeParse(value);
  if (!cover.success)
    throw new CliError("This is no backup of Samovar.", "Give a file that `samovar backup` has written.");
  if (cover.data.version > VERSION)
    throw new CliError(
      `This backup has the format ${cover.data.version}; this Samovar reads up to ${VERSION}.`,
      "Restore it with the version of Samovar that made it, or a newer one.",
    );
  const parsed = manifest.safeParse(value);
  if (!parsed.success) throw refuseDamaged("its manifest is incomplete");
  return parsed.data;
}

async function checkFiles(directory: string, { files }: Manifest): Promise<void> {
  const expected = new Map(files.map((file) => [file.path, file]));
  for (const path of await listPaths(directory)) {
    if (path === MANIFEST) continue;
    const file = expected.get(path);
    expected.delete(path);
    if (!(await lstat(join(directory, path))).isFile() || file === undefined)
      throw refuseDamaged(`it holds ${path}, which its manifest does not name`);
    if ((await describeFile(directory, path)).sha256 !== file.sha256)
      throw refuseDamaged(`${path} is not what was backed up`);
  }
  const [missing] = expected.keys();
  if (missing !== undefined) throw refuseDamaged(`${missing} is missing`);
}

const refuseDamaged = (why: string): CliError =>
  new CliError(`The backup is damaged: ${why}.`, "Nothing was restored. Use another copy of it.");

/** Everything that is no directory, links included. */
async function listPaths(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  return paths.map((path) => path.slice(directory.length + 1)).toSorted();
}

async function describeFile(directory: string, path: string): Promise<Manifest["files"][number]> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of createReadStream(join(directory, path))) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return { path, bytes, sha256: hash.digest("hex") };
}

async function readEnd(child: ReturnType<typeof spawn>): Promise<{ code: number | null; errors: string }> {
  let errors = "";
  child.stderr?.on("data", (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-500)));
  try {
    const [code] = (await once(child, "close")) as [number | null];
    return { code, errors: errors.trim() };
  } catch (error) {
    return { code: null, errors: errorMessage(error) };
  }
}
