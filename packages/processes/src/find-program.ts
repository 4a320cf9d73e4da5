/** Finds a program as a shell would. */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

/** The program's file; null when it does not exist or is not executable. Relative directories of `path` are skipped: they depend on the working directory. */
export function findProgram(command: string, path: string): string | null {
  if (isAbsolute(command)) return isProgram(command) ? command : null;
  if (command.includes("/")) return null;
  const directories = path.split(delimiter).filter((directory) => isAbsolute(directory));
  return directories.map((directory) => join(directory, command)).find(isProgram) ?? null;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
