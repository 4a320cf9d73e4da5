/** What is out of the ordinary on a machine: silence, a refusal of its provider, lost deliveries, kept workspaces. */
import type { NodeView } from "@samovar/contracts";
import { CloudOff, MailWarning, OctagonX, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { Ago } from "../../ui/moment.tsx";
import { visibleText } from "../../lib/visible-text.ts";
import { KeptWorkspace } from "../workspaces/retained-workspace.tsx";
import { TaskLink } from "./node-facts.tsx";
import type { OnNode } from "./node-words.ts";

export function hasNotes({ unreachableSince, failure, outbox }: NodeView, { kept }: OnNode): boolean {
  return unreachableSince !== null || failure !== null || outbox.deadLetters > 0 || kept.length > 0;
}

export function NodeNotes({ node, on }: { readonly node: NodeView; readonly on: OnNode }) {
  const { unreachableSince, failure, outbox } = node;
  return (
    <div className="flex max-w-170 flex-col gap-2 pb-3 text-small">
      {unreachableSince !== null && (
        <Note icon={CloudOff} tone="text-working">
          Last heard of <Ago at={unreachableSince} />. What runs there goes on, and is delivered when it is back.
        </Note>
      )}
      {failure !== null && (
        <Note icon={OctagonX} tone="text-failed">
          {visibleText(failure.message)} It is asked for again and again until the provider says that it is gone.
        </Note>
      )}
      {outbox.deadLetters > 0 && (
        <Note icon={MailWarning} tone="text-failed">
          {outbox.deadLetters === 1 ? "One message was" : `${outbox.deadLetters.toLocaleString("en")} messages were`}{" "}
          refused and will not be sent again
          {outbox.lastDeadLetterReason === null ? "." : `: ${visibleText(outbox.lastDeadLetterReason)}`}
        </Note>
      )}
      {on.kept.length > 0 && (
        <ul aria-label="Kept workspaces" className="flex flex-col gap-2">
          {on.kept.map(({ workspace, work }) => (
            <li key={workspace.id} className="flex flex-col gap-1">
              {work !== null && <TaskLink work={work} />}
              <KeptWorkspace
                workspace={workspace}
                name={`Workspace of ${work === null ? workspace.id : visibleText(work.title)}`}
              />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

interface NoteProps {
  readonly icon: LucideIcon;
  readonly tone: string;
  readonly children: ReactNode;
}

export function Note({ icon: Icon, tone, children }: NoteProps) {
  return (
    <p className="flex gap-2">
      <Icon size={15} className={`mt-0.5 shrink-0 ${tone}`} aria-hidden="true" />
      <span className="min-w-0 wrap-anywhere text-ink-2">{children}</span>
    </p>
  );
}
