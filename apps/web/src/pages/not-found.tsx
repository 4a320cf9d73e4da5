/** For an address that leads nowhere. */
import { Link } from "@tanstack/react-router";
import { Centered } from "../ui/centered.tsx";
import { useTitle } from "../ui/use-title.ts";

export function NotFound() {
  useTitle("Page not found");
  return (
    <Centered title="Page not found">
      <p className="text-ink-2">The address may be wrong, or the page no longer exists.</p>
      <Link to="/" className="text-accent underline">
        Go to projects
      </Link>
    </Centered>
  );
}
