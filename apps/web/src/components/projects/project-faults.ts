/** Which field a fault belongs to: the schema's own issues, or the control plane's refusal. */
import { ApiError } from "../../data/api.ts";

export interface Faults {
  readonly name?: string;
  readonly repoUrl?: string;
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

export function faultsOf(issues: readonly Issue[]): Faults {
  const first = (field: keyof Faults) => issues.find((issue) => issue.path[0] === field)?.message;
  return only({ name: first("name"), repoUrl: first("repoUrl") });
}

/** Empty when the refusal speaks of no field of the form. */
export function refusedField(error: unknown): Faults {
  if (!(error instanceof ApiError)) return {};
  const { issues, field } = error.details;
  if (Array.isArray(issues)) {
    const found = faultsOf(issues.flatMap(readIssue));
    if (Object.keys(found).length > 0) return found;
  }
  if (field === "name" || field === "repoUrl") return { [field]: error.message };
  const named = /^(name|repoUrl): (.+)$/s.exec(error.message);
  return named?.[1] === undefined ? {} : { [named[1]]: named[2] };
}

/** `path` comes as a list or as dotted text. */
function readIssue(issue: unknown): readonly Issue[] {
  if (typeof issue !== "object" || issue === null || !("message" in issue) || typeof issue.message !== "string")
    return [];
  const path = "path" in issue ? issue.path : null;
  if (typeof path === "string") return [{ path: path.split("."), message: issue.message }];
  if (Array.isArray(path)) return [{ path: path.filter((part) => typeof part === "string"), message: issue.message }];
  return [];
}

function only(faults: { readonly [K in keyof Faults]: string | undefined }): Faults {
  return Object.fromEntries(Object.entries(faults).filter(([, message]) => message !== undefined));
}
