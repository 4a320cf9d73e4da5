/** A fenced block: its language, a copy button and the text, coloured once it is whole. */
import { createContext, use } from "react";
import { CopyButton } from "../copy-button.tsx";
import { CodeHtml } from "../code/code-html.tsx";
import { findLanguage } from "../code/languages.ts";
import { useHighlight } from "../code/use-highlight.ts";

/** Whether the block may still grow: colours would flicker, and be wrong until its end is there. */
export const UnfinishedContext = createContext(false);

export function CodeBlock({ text, language }: { readonly text: string; readonly language: string }) {
  const unfinished = use(UnfinishedContext);
  const label = language.trim().split(/\s+/)[0] ?? "";
  const lines = useHighlight(text, unfinished ? null : findLanguage(label));
  return (
    <figure className="overflow-hidden rounded-md border border-hairline bg-inset">
      <figcaption className="flex min-h-7 items-center justify-between border-b border-hairline ps-3 pe-1 text-xs text-ink-3">
        <span className="font-mono">{label.slice(0, 40) || "text"}</span>
        <CopyButton text={text} label="Copy code" />
      </figcaption>
      <pre className="overflow-x-auto px-3 py-2.5" tabIndex={0} aria-label={label === "" ? "Code" : `Code, ${label}`}>
        <code>{lines === null ? text : <CodeHtml html={lines.join("\n")} />}</code>
      </pre>
    </figure>
  );
}
