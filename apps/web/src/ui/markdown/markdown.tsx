/** A text in markdown. While it is live, a caret stands at its end and only the blocks that changed are rendered. */
import type { MarkedToken, Token } from "marked";
import { memo, useEffect, useState } from "react";
import { createReader, fetchCloser } from "./blocks.ts";
import { UnfinishedContext } from "./code-block.tsx";
import { renderTokens } from "./render.tsx";

interface MarkdownProps {
  readonly text: string;
  readonly live: boolean;
}

export const Markdown = memo(function Markdown({ text, live }: MarkdownProps) {
  const [reader] = useState(createReader);
  const tokens = reader.read(text, live);
  useEffect(() => {
    // Offline the text is shown as it comes.
    if (live) void fetchCloser().catch(() => {});
  }, [live]);
  return (
    <div className={live ? "prose prose-live" : "prose"}>
      {tokens.map((token, index) => (
        <Block key={index} raw={token.raw} token={token} unfinished={live && index === tokens.length - 1} />
      ))}
      {live && tokens.length === 0 && <p />}
    </div>
  );
});

interface BlockProps {
  readonly raw: string;
  readonly token: Token;
  /** It may still grow. */
  readonly unfinished: boolean;
}

/** The same source makes the same elements, whichever reading the token came from. */
const Block = memo(
  function Block({ token, unfinished }: BlockProps) {
    return <UnfinishedContext value={unfinished}>{renderTokens([token as MarkedToken])}</UnfinishedContext>;
  },
  (before, after) =>
    before.raw === after.raw && before.token.type === after.token.type && before.unfinished === after.unfinished,
);
