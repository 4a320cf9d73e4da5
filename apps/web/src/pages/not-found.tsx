/** For an address that leads nowhere. */
import { Link } from "@tanstack/react-router";
import { Centered } from "../ui/centered.tsx";
import { useTitle } from "../ui/use-title.ts";

export function NotFound() {
  useTitle("No such page");
  return (
    <Centered title="There is no such page">
      <p className="text-ink-2">The address may be mistyped, or what it named may be gone.</p>
      <Link to="/" className="text-accent underline">
        To the projects
      </Link>
    </Centered>
  );
}
