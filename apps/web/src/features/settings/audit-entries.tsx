/** The audit log: what was done, to what, by whom and when. */
import type { AuditAction, AuditActorKind, AuditEntry } from "@samovar/contracts";
import { useInfiniteQuery } from "@tanstack/react-query";
import { auditLogQuery } from "../../api/access.ts";
import { formatMoment } from "../../lib/format-time.ts";
import { visibleText } from "../../lib/visible-text.ts";
import { Button } from "../../ui/button.tsx";
import { Ago } from "../../ui/moment.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { ErrorPanel } from "../errors/error-panel.tsx";
import { describeBrowser } from "./describe-browser.ts";

const ACTIONS: Readonly<Record<AuditAction, string>> = {
  "credential.stored": "Credential stored",
  "credential.deleted": "Credential deleted",
  "api_token.created": "API token created",
  "api_token.revoked": "API token revoked",
  "device_login.approved": "Command line signed in",
  "device_login.denied": "Command line refused",
  "sign_in_link.created": "Sign-in link created",
  "sign_in_link.redeemed": "Browser signed in",
  "sign_in_session.ended": "Browser signed out",
  "budget.changed": "Spending limits changed",
  "prices.changed": "Model prices changed",
  "project.changed": "Project settings changed",
  "project.archived": "Project archived",
  "project.restored": "Project restored",
  "task.deleted": "Task deleted",
  "agent.added": "Agent added",
  "agent.changed": "Agent changed",
  "agent.removed": "Agent removed",
  "node.drained": "Node drained",
  "node.destroyed": "Node destroyed",
  "workspace.destroyed": "Workspace destroyed",
};

const ACTORS: Readonly<Record<AuditActorKind, string>> = {
  sign_in_session: "a browser",
  api_token: "an API token",
  sign_in_link: "a sign-in link",
  device_login: "a command line’s sign-in",
  operator: "the operator",
};

export function AuditEntries() {
  const log = useInfiniteQuery(auditLogQuery);
  const entries = log.data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <>
      {log.isPending && <Skeleton label="Loading the audit log" lines={[100, 100, 100]} />}
      {log.isError && log.data === undefined && (
        <ErrorPanel what="Couldn't load the audit log." error={log.error} onRetry={() => void log.refetch()} />
      )}
      {log.data !== undefined && entries.length === 0 && <p className="text-ui text-ink-3">Nothing is recorded yet.</p>}
      {entries.length > 0 && (
        <ol
          aria-label="Entries, newest first"
          className="flex flex-col divide-y divide-hairline border-y border-hairline"
        >
          {entries.map((entry) => (
            <li key={entry.id}>
              <Entry entry={entry} />
            </li>
          ))}
        </ol>
      )}
      {log.isFetchNextPageError && (
        <ErrorPanel what="Couldn't load older entries." error={log.error} onRetry={() => void log.fetchNextPage()} />
      )}
      {log.hasNextPage && !log.isFetchNextPageError && (
        <Button className="self-start" disabled={log.isFetchingNextPage} onClick={() => void log.fetchNextPage()}>
          {log.isFetchingNextPage ? "Loading…" : "Show older entries"}
        </Button>
      )}
    </>
  );
}

/** A fact of an entry's detail. Those that only programs can read are put into words. */
function formatFact([name, value]: readonly [string, unknown]): string {
  if (name === "userAgent") return describeBrowser(String(value));
  if (name === "expiresAt") return `expires ${formatMoment(Number(value))}`;
  return visibleText(`${name}: ${String(value)}`);
}

function Entry({ entry: { at, action, actor, objectId, detail } }: { readonly entry: AuditEntry }) {
  const facts = Object.entries(detail).filter(([, value]) => value !== null && value !== "");
  return (
    <div className="flex flex-col gap-0.5 py-2 text-ui">
      <span className="flex flex-wrap items-baseline gap-x-3">
        <span className="font-medium">{ACTIONS[action]}</span>
        <code className="font-mono text-code break-all text-ink-2">{visibleText(objectId)}</code>
        <span className="ms-auto text-small text-ink-3">
          <Ago at={at} />
        </span>
      </span>
      <span className="text-small wrap-anywhere text-ink-3">
        By {ACTORS[actor.kind]}
        {actor.id !== null && (
          <>
            {" "}
            <code className="font-mono text-code">{visibleText(actor.id)}</code>
          </>
        )}
        {facts.length > 0 && ` · ${facts.map(formatFact).join(", ")}`}
      </span>
    </div>
  );
}
