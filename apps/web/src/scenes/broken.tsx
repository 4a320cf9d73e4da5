/** For a fault of the page itself. */
import { Button } from "../ui/button.tsx";
import { Centered } from "../ui/centered.tsx";

export function Broken({ error }: { readonly error: unknown }) {
  return (
    <Centered title="This page has a fault">
      <p className="text-ink-2">Tasks go on without it, and what is stored is safe. Reload to go on.</p>
      <pre className="overflow-x-auto rounded bg-inset p-2 font-mono text-code">
        {error instanceof Error ? error.message : String(error)}
      </pre>
      <Button kind="primary" onClick={() => location.reload()}>
        Reload
      </Button>
    </Centered>
  );
}
