/** Where this checkout is: the same for the sources and for what is built from them. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

export const root = rootAbove(import.meta.dirname);

function rootAbove(directory: string): string {
  if (existsSync(join(directory, "package-lock.json"))) return directory;
  const parent = dirname(directory);
  if (parent === directory) throw new Error(`there is no checkout of Samovar around ${import.meta.dirname}`);
  return rootAbove(parent);
}
