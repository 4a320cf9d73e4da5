/** The audit log. */
import { AuditEntries } from "../../features/settings/audit-entries.tsx";
import { useTitle } from "../../ui/use-title.ts";

export function AuditLog() {
  useTitle("Audit log");
  return (
    <>
      <h1 className="text-page font-semibold">Audit log</h1>
      <p className="text-ui text-ink-2">
        Actions that destroy something or concern security, newest first. Entries can't be changed or deleted here; the
        operator sets how long they are kept.
      </p>
      <AuditEntries />
    </>
  );
}
