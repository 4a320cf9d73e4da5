/** Who can act as this person: API tokens and signed-in browsers. */
import { ApiTokens } from "../../features/settings/api-tokens.tsx";
import { SignInSessions } from "../../features/settings/sign-in-sessions.tsx";
import { useTitle } from "../../ui/use-title.ts";

export function AccessSettings() {
  useTitle("Access");
  return (
    <>
      <h1 className="text-page font-semibold">Access</h1>
      <p className="text-ui text-ink-2">
        Each of these can do everything that you can do. End any that you don't recognise; their open connections close
        at once.
      </p>
      <SignInSessions />
      <ApiTokens />
    </>
  );
}
