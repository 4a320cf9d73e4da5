/** Tool calls that follow each other: a few one by one, more as one line with what is worth seeing beneath. */
import type { MessageView } from "@samovar/contracts";
import { ListCollapse } from "lucide-react";
import { Fold } from "../../ui/fold.tsx";
import { getStepsId } from "./folds.ts";
import type { StepsRow as Steps } from "./rows.ts";
import { FOLDED_FROM, labelSteps, pickWorthSeeing } from "./steps.ts";
import { ToolRow } from "./tool-row.tsx";

interface StepsRowProps {
  readonly row: Steps;
  readonly live: boolean;
  /** Whether it stands at the end, where more may come. */
  readonly last: boolean;
  /** Of the row itself. */
  readonly open: boolean;
  readonly isOpen: (id: string) => boolean;
  readonly onToggle: (id: string) => void;
}

export function StepsRow({ row, live, last, open, isOpen, onToggle }: StepsRowProps) {
  const { messages } = row;
  const call = (message: MessageView, framed: boolean) => (
    <ToolRow
      key={message.messageId}
      message={message}
      live={live && !message.final}
      open={isOpen(message.messageId)}
      onToggle={() => onToggle(message.messageId)}
      framed={framed}
    />
  );
  if (messages.length < FOLDED_FROM)
    return <div className="flex flex-col gap-2">{messages.map((message) => call(message, true))}</div>;
  const beneath = open ? [] : pickWorthSeeing(messages, { live, last, opened: isOpen });
  return (
    <div className="flex flex-col gap-2">
      <Fold
        open={open}
        onToggle={() => onToggle(getStepsId(row))}
        line={
          <>
            <ListCollapse size={16} className="shrink-0 text-ink-3" aria-hidden="true" />
            <span className="text-ink-2">{labelSteps(messages, live)}</span>
          </>
        }
      >
        <div className="-mx-2 flex flex-col">{messages.map((message) => call(message, false))}</div>
      </Fold>
      {beneath.length > 0 && (
        <div className="flex flex-col gap-2 ps-5">{beneath.map((message) => call(message, true))}</div>
      )}
    </div>
  );
}
