/** The reference pages, made from what they describe: the error catalogue and the settings. */
import { ERROR_CATALOGUE, nodeEnvironment } from "@samovar/contracts";
import type { ErrorCode } from "@samovar/contracts";
import { settings } from "../config.ts";

const MEANING: Record<ErrorCode, string> = {
  invalid_request: "The request does not fit its schema; `details.issues` says where.",
  unauthenticated: "The request has no credential, or one that is unknown, expired or not valid for this.",
  forbidden: "The credential is valid, but does not allow this.",
  not_found: "Not found, or you don't have access to it.",
  method_not_allowed: "The path exists, but not for this method.",
  conflict: "The current state does not allow this; the message says why.",
  credentials_missing: "A credential must be stored first; `details.settingsPath` says where.",
  agent_not_configured: "The agent is missing something that it needs.",
  payload_too_large: "The body is over the limit.",
  unsupported_media_type: "Bodies are `application/json`.",
  upgrade_required: "The caller speaks an older protocol, or no WebSocket where one is needed.",
  rate_limited: "Too many requests; wait, then try again.",
  internal: "Unexpected error. The log has details under `requestId`.",
  provider_error: "The provider's API failed or refused the request.",
  newer_data:
    "A newer version of Samovar wrote this data, and this version leaves it unchanged; `details.migration` is the migration that a version must have.",
  unavailable: "Part of the control plane is temporarily unavailable.",
};

/** `docs/reference/errors.md` */
export function renderErrorsPage(): string {
  const rows = Object.entries(MEANING).map(([code, meaning]) => {
    const { status, fault, retriable } = findEntry(code);
    return [`\`${code}\``, String(status), fault, retriable ? "yes" : "no", meaning];
  });
  return page(
    "Errors",
    'Every error of the HTTP API has the body `{ "error": { "code", "message", "requestId", "details"? } }`. The codes are stable; the messages are for people.',
    table(["Code", "Status", "Whose fault", "May a retry help?", "Meaning"], rows),
  );
}

function findEntry(code: string) {
  const found = Object.entries(ERROR_CATALOGUE).find(([known]) => known === code);
  if (found === undefined) throw new Error(`${code} is not in the catalogue`);
  return found[1];
}

/** `docs/reference/configuration.md` */
export function renderConfigurationPage(): string {
  const tableOf = (belongs: (name: string) => boolean) => {
    const rows = Object.entries(settings.shape).flatMap(([name, schema]) => {
      const without = schema.safeParse(undefined);
      const fallback = without.success ? formatCode(without.data) : "required";
      return belongs(name) ? [[`\`${name}\``, fallback, schema.description ?? ""]] : [];
    });
    return table(["Setting", "Default", "What it is"], rows);
  };
  const isOfNodes = (name: string) => name in nodeEnvironment.shape;
  return page(
    "Configuration",
    "Environment variables of the Worker, read once and checked all together. `…_MS` are milliseconds. On one machine, `samovar up` makes the required ones itself.",
    [
      `## The control plane\n\n${tableOf((name) => !isOfNodes(name))}`,
      "## Nodes",
      "Set these on the Worker too, which uses some of them itself. A node gets all of them in its user data when it is created. After a change, new nodes get the new values, and existing nodes keep theirs.",
      tableOf(isOfNodes),
    ].join("\n\n"),
  );
}

const formatCode = (value: unknown): string =>
  value === undefined || String(value) === "" ? "none" : `\`${String(value)}\``;

const page = (title: string, intro: string, body: string) => `# ${title}\n\n${intro}\n\n${body}\n`;

const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
