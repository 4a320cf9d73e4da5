/** Messages of the project that have the words, found by the server, also in sessions that still run. */
import type { ProjectId } from "@samovar/base";
import type { MessageRole, SearchHit, SearchSnippet } from "@samovar/contracts";
import { useQuery } from "@tanstack/react-query";
import type { LinkProps } from "@tanstack/react-router";
import { Command } from "cmdk";
import { MessageSquareText } from "lucide-react";
import { Fragment } from "react";
import { foundMessagesQuery } from "../../api/queries.ts";
import { visibleText } from "../../lib/visible-text.ts";
import { useSettled } from "../../ui/use-settled.ts";
import { GROUP, Item } from "./palette-item.tsx";

interface FoundMessagesProps {
  readonly project: ProjectId;
  readonly words: string;
  readonly onGo: (to: LinkProps) => void;
}

const AUTHORS: Readonly<Record<MessageRole, string>> = {
  user: "You",
  assistant: "Agent",
  system: "Notice",
  tool: "Tool",
};

export function FoundMessages({ project, words, onGo }: FoundMessagesProps) {
  const asked = useSettled(words.trim());
  const { data: found } = useQuery(foundMessagesQuery(project, asked));
  if (words.trim() === "" || asked === "" || found === undefined) return null;
  return (
    <Command.Group
      heading={found.complete ? "Messages" : "Messages (older ones are still being indexed)"}
      className={GROUP}
    >
      {found.items.map((hit) => (
        <Item
          key={hit.messageId}
          id={hit.messageId}
          // The server has matched them already. The mark before the words ranks them after entries that begin with them.
          words={`…${words}`}
          icon={<MessageSquareText size={15} />}
          onSelect={() => onGo(toMessage(project, hit))}
        >
          <span className="flex min-w-0 flex-1 flex-col">
            <span className="truncate">
              <Snippet snippet={hit.snippet} />
            </span>
            <span className="truncate text-small text-ink-3">
              {AUTHORS[hit.role]} · {visibleText(hit.topic ?? "Untitled")}
            </span>
          </span>
        </Item>
      ))}
    </Command.Group>
  );
}

function toMessage(project: ProjectId, { sessionId, position }: SearchHit): LinkProps {
  return { to: "/p/$project/s/$session", params: { project, session: sessionId }, search: { msg: position } };
}

/** From shortly before the first match, so that a narrow row shows it. */
const LEAD_CHARS = 24;

function Snippet({ snippet: { text, highlights, isCutBefore, isCutAfter } }: { readonly snippet: SearchSnippet }) {
  const first = highlights[0]?.start ?? 0;
  const from = first <= LEAD_CHARS ? 0 : text.indexOf(" ", first - LEAD_CHARS) + 1;
  const begin = from > first ? first : from;
  return (
    <>
      {(isCutBefore || begin > 0) && "…"}
      {highlights.map(({ start, end }, index) => (
        <Fragment key={start}>
          {visibleText(text.slice(index === 0 ? begin : (highlights[index - 1]?.end ?? 0), start))}
          <mark className="rounded-xs bg-accent-tint font-semibold text-ink">
            {visibleText(text.slice(start, end))}
          </mark>
        </Fragment>
      ))}
      {visibleText(text.slice(highlights.at(-1)?.end ?? begin))}
      {isCutAfter && "…"}
    </>
  );
}
