/** For a fault of the page itself. */
import { Button } from "../ui/button.tsx";
import { Centered } from "../ui/centered.tsx";
import { useTitle } from "../ui/use-title.ts";

export function Broken({ error }: { readonly error: unknown }) {
  useTitle("A fault of the page");
  return (
    <Centered title="This page has a fault">
      <p className="text-ink-2">Tasks go on without it, and what is stored is safe. Reload to go on.</p>
      <pre
        tabIndex={0}
        aria-label="What failed"
        className="max-h-40 overflow-auto whitespace-pre-wrap wrap-anywhere rounded bg-inset p-2 font-mono text-code"
      >
        {error instanceof Error ? error.message : String(error)}
      </pre>
      <div className="flex gap-2">
        <Button kind="primary" onClick={() => location.reload()}>
          Reload
        </Button>
        <Button kind="quiet" onClick={() => location.assign("/")}>
          To the projects
        </Button>
      </div>
    </Centered>
  );
}
