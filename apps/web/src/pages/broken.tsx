/** For a fault of the page itself. */
import { Button } from "../ui/button.tsx";
import { Centered } from "../ui/centered.tsx";
import { useTitle } from "../ui/use-title.ts";

export function Broken({ error }: { readonly error: unknown }) {
  useTitle("Page error");
  return (
    <Centered title="Something went wrong on this page">
      <p className="text-ink-2">Your tasks keep running, and stored data is safe. Reload the page to continue.</p>
      <pre
        tabIndex={0}
        aria-label="Error details"
        className="max-h-40 overflow-auto whitespace-pre-wrap wrap-anywhere rounded bg-inset p-2 font-mono text-code"
      >
        {error instanceof Error ? error.message : String(error)}
      </pre>
      <div className="flex gap-2">
        <Button kind="primary" onClick={() => location.reload()}>
          Reload
        </Button>
        <Button kind="quiet" onClick={() => location.assign("/")}>
          Go to projects
        </Button>
      </div>
    </Centered>
  );
}
