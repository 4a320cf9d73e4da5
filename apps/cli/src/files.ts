/** Small files that other processes read: each is replaced as a whole, so nobody reads one that is half written. */
import { readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";

/** Readable by its owner only. */
export async function writeAtomically(file: string, text: string): Promise<void> {
  const partial = `${file}.${process.pid}.partial`;
  await writeFile(partial, text, { mode: 0o600 });
  await rename(partial, file);
}

/** The file's JSON, or null when there is none or it is not JSON. */
export async function readJson(file: string): Promise<unknown> {
  try {
    // At once: the threads that a promise takes would have to be started first.
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return null;
  }
}
