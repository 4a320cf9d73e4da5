/** Looks for the secrets of an installation where none may be: in text, files, processes and their memory. */
import { closeSync, existsSync, lstatSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from "node:fs";
import { join } from "node:path";
import { encodeSecret } from "../../packages/domain/src/secret-encodings.ts";

const FILE_MAX_BYTES = 64 * 2 ** 20;
const MEMORY_CHUNK_BYTES = 16 * 2 ** 20;
/** Of file systems that have no files of their own, or only the system's. */
const NOT_READ = new Set(["proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2", "devtmpfs"]);

interface Needle {
  readonly name: string;
  readonly plain: Buffer;
  /** As it is and in common encodings. */
  readonly forms: readonly Buffer[];
}

export interface Scan {
  /** Where a secret was, by the secret's name. */
  readonly found: readonly string[];
  /** How many bytes were looked at. */
  readonly bytes: number;
}

export class Canaries {
  readonly #needles: readonly Needle[];

  constructor(secrets: Readonly<Record<string, string>>) {
    this.#needles = Object.entries(secrets).map(([name, secret]) => ({
      name,
      plain: Buffer.from(secret),
      forms: encodeSecret(secret).map((form) => Buffer.from(form)),
    }));
  }

  findIn(content: string | Buffer): readonly string[] {
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    return this.#needles.flatMap(({ name, forms }) => (forms.some((form) => bytes.includes(form)) ? [name] : []));
  }

  scanTexts(texts: Iterable<readonly [where: string, text: string | Buffer]>): Scan {
    const found: string[] = [];
    let bytes = 0;
    for (const [where, text] of texts) {
      bytes += Buffer.byteLength(text);
      for (const name of this.findIn(text)) found.push(`${name} in ${where}`);
    }
    return { found, bytes };
  }

  /** All files below the directories, links as their targets' names. */
  scanFiles(directories: readonly string[]): Scan {
    return this.scanTexts(directories.flatMap((directory) => [...readFiles(directory)]));
  }

  /** What the processes may still have in their memory, as it is. Needs root. */
  scanMemory(pids: readonly number[]): Scan {
    const found: string[] = [];
    let bytes = 0;
    for (const pid of pids) {
      for (const part of readMemory(pid)) {
        bytes += part.length;
        for (const { name, plain } of this.#needles)
          if (part.includes(plain)) found.push(`${name} in the memory of ${pid}`);
      }
    }
    return { found: [...new Set(found)], bytes };
  }
}

function* readFiles(path: string): Generator<readonly [where: string, content: string | Buffer]> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (stat.isSymbolicLink()) yield [path, `${path} ${readlinkSync(path)}`];
  else if (stat.isFile()) yield [path, stat.size > FILE_MAX_BYTES ? path : read(path)];
  else if (stat.isDirectory()) for (const name of list(path)) yield* readFiles(join(path, name));
}

/** Files may go while they are read. */
function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}

function list(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** The directories of a process's own file systems that it may write, and the system's settings, as the node reaches them. */
export function listPlacesInside(pid: number): readonly string[] {
  const root = `/proc/${pid}/root`;
  const mounts = read(`/proc/${pid}/mounts`).toString("utf8").trim().split("\n");
  const writable = mounts.flatMap((line) => {
    const [, place = "", type = "", options = ""] = line.split(" ");
    return NOT_READ.has(type) || place === "/" || !options.split(",").includes("rw") ? [] : [place];
  });
  return [...writable, "/etc", "/run"].map((place) => join(root, place)).filter((place) => existsSync(place));
}

function* readMemory(pid: number): Generator<Buffer> {
  const maps = read(`/proc/${pid}/maps`).toString("utf8").trim().split("\n");
  const regions = maps.flatMap((line) => {
    const [, from = "", to = "", rights = "", file = ""] = /^(\w+)-(\w+) (\S+) \S+ \S+ \S+ *(.*)$/.exec(line) ?? [];
    // What is written is copied from its file first, so that regions of files count too.
    return rights.startsWith("rw") && !file.startsWith("[v")
      ? [{ from: Number(`0x${from}`), to: Number(`0x${to}`) }]
      : [];
  });
  // A process that has ended has none.
  if (regions.length === 0) return;
  const memory = openSync(`/proc/${pid}/mem`, "r");
  const buffer = Buffer.alloc(MEMORY_CHUNK_BYTES);
  try {
    for (const { from, to } of regions)
      for (let at = from; at < to; at += buffer.length) {
        const size = readMemoryAt(memory, buffer, at, Math.min(buffer.length, to - at));
        if (size > 0) yield buffer.subarray(0, size);
      }
  } finally {
    closeSync(memory);
  }
}

/** 0 for a part that cannot be read. */
function readMemoryAt(memory: number, buffer: Buffer, at: number, size: number): number {
  try {
    return readSync(memory, buffer, 0, size, at);
  } catch {
    return 0;
  }
}

/** The argument lists of all processes on this machine, collected until it is stopped. */
export function collectArguments(): { readonly seen: ReadonlySet<string>; stop(): void } {
  const seen = new Set<string>();
  const look = () => {
    for (const name of list("/proc"))
      if (/^\d+$/.test(name)) seen.add(read(`/proc/${name}/cmdline`).toString("utf8").replaceAll("\0", " "));
  };
  look();
  const timer = setInterval(look, 20);
  return { seen, stop: () => clearInterval(timer) };
}
