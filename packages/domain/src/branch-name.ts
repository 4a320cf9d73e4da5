/**
 * Which branch a workspace uses when the requested name may be taken: `task/x`, `task/x-2`, `task/x-3`, …
 * A name also counts as taken when git could not store it beside an existing one (`a` and `a/b` exclude each other).
 */

const MAX_SUFFIX = 999;

/** The first free name, or null when none of the {@link MAX_SUFFIX} is free. `taken` holds names without `refs/heads/`. */
export function findFreeBranch(wanted: string, taken: ReadonlySet<string>): string | null {
  const stem = parentIsTaken(wanted, taken) ? wanted.replaceAll("/", "-") : wanted;
  for (let n = 1; n <= MAX_SUFFIX; n++) {
    const candidate = n === 1 ? stem : `${stem}-${n}`;
    if (!taken.has(candidate) && !hasChild(candidate, taken)) return candidate;
  }
  return null;
}

/** With a branch `task`, git cannot store any `task/…`, so suffixes would not help. */
function parentIsTaken(name: string, taken: ReadonlySet<string>): boolean {
  const parts = name.split("/");
  return parts.some((_, i) => i > 0 && taken.has(parts.slice(0, i).join("/")));
}

function hasChild(name: string, taken: ReadonlySet<string>): boolean {
  for (const other of taken) if (other.startsWith(`${name}/`)) return true;
  return false;
}
