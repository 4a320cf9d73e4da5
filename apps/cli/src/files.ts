/** Small files that other processes read: each is replaced as a whole, so nobody reads one that is half written. */
import { readFile, rename, writeFile } from "node:fs/promises";

/** Readable by its owner only. */
export async function writeAtomically(file: string, text: string): Promise<void> {
  const partial = `${file}.${process.pid}.partial`;
  await writeFile(partial, text, { mode: 0o600 });
  await rename(partial, file);
}

/** The file's JSON, or null when there is none or it is not JSON. */
export async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch {
    return null;
  }
}
