/** Actions on a message: its time, its text, its link. Visible under the pointer, or once it is touched or has the focus. */
import type { MessageView } from "@samovar/contracts";
import { Link2 } from "lucide-react";
import { useProject } from "../../api/use-project.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { formatClock, formatMoment } from "../../lib/format-time.ts";

export function MessageActions({ message }: { readonly message: MessageView }) {
  return (
    <div className="pointer-events-none absolute end-0 -top-4 z-10 flex items-center rounded-md border border-hairline bg-raised ps-2 pe-0.5 text-xs text-ink-3 opacity-0 group-focus-within:pointer-events-auto group-focus-within:opacity-100 group-hover:pointer-events-auto group-hover:opacity-100">
      {/* Not text: who selects a transcript wants no times between its words. */}
      <time
        dateTime={new Date(message.createdAt).toISOString()}
        title={formatMoment(message.createdAt)}
        data-clock={formatClock(message.createdAt)}
        className="tabular-nums before:content-[attr(data-clock)]"
      />
      {message.kind !== "plan" && <CopyButton text={message.content} label="Copy message" />}
      <CopyLink message={message} />
    </div>
  );
}

export function CopyLink({ message }: { readonly message: MessageView }) {
  const project = useProject();
  const address = `${location.origin}/p/${project.id}/s/${message.sessionId}?msg=${message.position}`;
  return <CopyButton text={address} label="Copy link" icon={<Link2 size={14} aria-hidden="true" />} />;
}
