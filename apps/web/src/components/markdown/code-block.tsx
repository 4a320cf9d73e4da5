/** A fenced block: its language, a copy button and the text as it is. */
import { CopyButton } from "../../ui/copy-button.tsx";

export function CodeBlock({ text, language }: { readonly text: string; readonly language: string }) {
  const label = language.trim().split(/\s+/)[0] ?? "";
  return (
    <figure className="overflow-hidden rounded-md border border-hairline bg-inset">
      <figcaption className="flex h-7 items-center justify-between border-b border-hairline ps-3 pe-1 text-xs text-ink-3">
        <span className="font-mono">{label.slice(0, 40) || "text"}</span>
        <CopyButton text={text} label="Copy code" />
      </figcaption>
      <pre className="overflow-x-auto px-3 py-2.5" tabIndex={0} aria-label={label === "" ? "Code" : `Code, ${label}`}>
        <code>{text}</code>
      </pre>
    </figure>
  );
}
