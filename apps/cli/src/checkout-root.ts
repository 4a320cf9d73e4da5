/** The root of this checkout: the same for the sources and for the bundle built from them. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

export const root = findRootAbove(import.meta.dirname);

function findRootAbove(directory: string): string {
  if (existsSync(join(directory, "package-lock.json"))) return directory;
  const parent = dirname(directory);
  if (parent === directory) throw new Error(`${import.meta.dirname} is not inside a checkout of Samovar`);
  return findRootAbove(parent);
}
