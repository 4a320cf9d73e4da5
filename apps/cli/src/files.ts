/** Small files that other processes read. They are replaced atomically, so a reader never sees a half-written file. */
import { readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";

/** Writes a file that only its owner can read. After a power cut it is the old one or the new one, never an empty one. */
export async function writeAtomically(file: string, text: string): Promise<void> {
  const partial = `${file}.${process.pid}.partial`;
  await writeFile(partial, text, { mode: 0o600, flush: true });
  await rename(partial, file);
}

/** The file's JSON, or null when there is none or it is not JSON. */
export async function readJson(file: string): Promise<unknown> {
  try {
    // Synchronously: an asynchronous read would first start Node's thread pool.
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return null;
  }
}
