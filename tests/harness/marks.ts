/** A directory through which commands of agents and a test signal each other. */
import { chmodSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Open to every user, because workspaces may have users of their own. */
export function makeMarks(): string {
  const directory = mkdtempSync(join(tmpdir(), "samovar-marks-"));
  chmodSync(directory, 0o777);
  return directory;
}
