/** Which field a fault belongs to: the schema's own issues, or the control plane's refusal. */
import { ApiError } from "../../api/client.ts";

const FIELDS = ["name", "repoUrl", "baseBranch", "commitIdentity", "egress"] as const;
type FieldName = (typeof FIELDS)[number];
export type Faults = Partial<Readonly<Record<FieldName, string>>>;

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

export function getFaults(issues: readonly Issue[]): Faults {
  const found = FIELDS.map((field) => [field, issues.find((issue) => issue.path[0] === field)?.message] as const);
  return Object.fromEntries(found.filter(([, message]) => message !== undefined));
}

/** Empty when the refusal speaks of no field of the form. */
export function refusedField(error: unknown): Faults {
  if (!(error instanceof ApiError)) return {};
  const { issues, field } = error.details;
  if (Array.isArray(issues)) {
    const found = getFaults(issues.flatMap(readIssue));
    if (Object.keys(found).length > 0) return found;
  }
  const known = FIELDS.find((name) => name === field);
  if (known !== undefined) return { [known]: error.message };
  const [name, message] = error.message.split(/: (.*)/s);
  const named = FIELDS.find((each) => each === name);
  return named === undefined || message === undefined ? {} : { [named]: message };
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
