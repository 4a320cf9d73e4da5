/** Gives a fresh checkout files of its own. */
import { runAsUser } from "../../users/run-as-user.ts";

const REPLACE = 'for file do cp -p -- "$file" "$file.copy" && mv -f -- "$file.copy" "$file" || exit 1; done';

/**
 * Replaces each file that has another name by a copy. Git clones a submodule at a local path with hard links, and whoever writes
 * such a file, or changes its owner, does it in the person's own repository too. No program of a workspace may see the tree yet.
 */
export async function separateFiles(directory: string): Promise<void> {
  await runAsUser(null, [
    "find",
    directory,
    "-type",
    "f",
    "-links",
    "+1",
    "-exec",
    "/bin/sh",
    "-c",
    REPLACE,
    "sh",
    "{}",
    "+",
  ]);
}
