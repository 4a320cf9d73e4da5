/** What is unusual about a node: tools that it is still installing, no sandbox, no contact, a failure of its provider, rejected messages, retained workspaces. */
import type { NodeView } from "@samovar/contracts";
import { CloudOff, MailWarning, OctagonX, PackageOpen, ShieldOff, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { Ago } from "../../ui/moment.tsx";
import { visibleText } from "../../lib/visible-text.ts";
import { RetainedWorkspace } from "../workspaces/retained-workspace.tsx";
import { TaskLink } from "./node-facts.tsx";
import type { NodeUsage } from "./node-usage.ts";

export function hasNotes(node: NodeView, { retained }: NodeUsage): boolean {
  const { unreachableSince, failure, outbox } = node;
  const isUnusual = unreachableSince !== null || failure !== null || isPreparing(node) || isWithoutSandbox(node);
  return isUnusual || outbox.deadLetters > 0 || retained.length > 0;
}

const isPreparing = ({ state, runtime }: NodeView): boolean =>
  state === "provisioning" && runtime?.kind === "preparing";

const isWithoutSandbox = ({ runtime }: NodeView): boolean =>
  runtime?.kind === "process" || runtime?.kind === "unavailable";

function describeReach({ kind, users }: NonNullable<NodeView["runtime"]>): string {
  if (kind !== "process") return "No task runs there.";
  return users === "separate"
    ? "Each workspace has its own user: agents can reach what every user of the node can."
    : "Agents can reach what the node's user can.";
}

export function NodeNotes({ node, usage }: { readonly node: NodeView; readonly usage: NodeUsage }) {
  const { unreachableSince, failure, outbox, runtime } = node;
  return (
    <div className="flex max-w-170 flex-col gap-2 pb-3 text-small">
      {isPreparing(node) && (
        <Note icon={PackageOpen} tone="text-working">
          Connected, and not ready for a task yet: {visibleText(runtime?.reason ?? "the node gave no reason")}.
        </Note>
      )}
      {runtime !== null && isWithoutSandbox(node) && (
        <Note icon={ShieldOff} tone={runtime.kind === "process" ? "text-working" : "text-failed"}>
          No sandbox: {visibleText(runtime.reason ?? "the node gave no reason.")} {describeReach(runtime)}
        </Note>
      )}
      {unreachableSince !== null && (
        <Note icon={CloudOff} tone="text-working">
          Last contact <Ago at={unreachableSince} />. Its tasks keep running, and their messages arrive when it
          reconnects.
        </Note>
      )}
      {failure !== null && (
        <Note icon={OctagonX} tone="text-failed">
          {visibleText(failure.message)} Samovar keeps trying until the provider confirms that it's gone.
        </Note>
      )}
      {outbox.deadLetters > 0 && (
        <Note icon={MailWarning} tone="text-failed">
          {outbox.deadLetters === 1 ? "One message was" : `${outbox.deadLetters.toLocaleString("en")} messages were`}{" "}
          rejected and won't be sent again
          {outbox.lastDeadLetterReason === null ? "." : `: ${visibleText(outbox.lastDeadLetterReason)}`}
        </Note>
      )}
      {usage.retained.length > 0 && (
        <ul aria-label="Retained workspaces" className="flex flex-col gap-2">
          {usage.retained.map(({ workspace, work }) => (
            <li key={workspace.id} className="flex flex-col gap-1">
              {work !== null && <TaskLink work={work} />}
              <RetainedWorkspace
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
