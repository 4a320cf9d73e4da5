/** What the page shows when signed out. */
import { Centered, Command } from "../ui/centered.tsx";

export function SignedOut() {
  return (
    <Centered title="You are not signed in">
      <NewLinkHint />
    </Centered>
  );
}

export function NewLinkHint() {
  return (
    <p className="text-ink-2">
      On the computer where Samovar runs, type <Command>samovar login</Command> to get a new sign-in link, or{" "}
      <Command>samovar up</Command> if it is not running. Then open the link that it prints.
    </p>
  );
}
