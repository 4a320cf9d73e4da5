/** Redeems the one-time token of a sign-in link. The token leaves the address before anything else happens. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { meKey } from "../api/query-keys.ts";
import { redeemLink } from "../api/commands.ts";
import { isApiError } from "../api/client.ts";
import { After } from "../ui/after.tsx";
import { Button } from "../ui/button.tsx";
import { Centered } from "../ui/centered.tsx";
import { ErrorPanel } from "../features/errors/error-panel.tsx";
import { NewLinkHint } from "./signed-out.tsx";

type Progress =
  | { readonly step: "no-token" }
  | { readonly step: "redeeming" }
  | { readonly step: "refused" }
  | { readonly step: "failed"; readonly error: unknown };

interface SignInProps {
  /** Where to go afterwards: a path of this origin. */
  readonly next: string;
  readonly onSignedIn: (next: string) => void;
}

export function SignIn({ next, onSignedIn }: SignInProps) {
  const [token] = useState(takeToken);
  const [progress, setProgress] = useState<Progress>(token === "" ? { step: "no-token" } : { step: "redeeming" });
  const client = useQueryClient();
  useEffect(() => {
    if (token === "" || progress.step !== "redeeming") return;
    const redeem = async () => {
      try {
        await redeemOnce(token);
        await client.invalidateQueries({ queryKey: meKey });
        onSignedIn(next);
      } catch (error) {
        setProgress(isRefusal(error) ? { step: "refused" } : { step: "failed", error });
      }
    };
    void redeem();
  }, [token, progress, client, next, onSignedIn]);

  switch (progress.step) {
    case "no-token":
      return (
        <Centered title="Sign in">
          <NewLinkHint />
        </Centered>
      );
    case "redeeming":
      return (
        <After delayMs={300}>
          <Centered title="Sign in">
            <p role="status">Signing you in…</p>
          </Centered>
        </After>
      );
    case "refused":
      return (
        <Centered title="This link has expired">
          <p className="text-ink-2">A sign-in link works once, and only for a short time.</p>
          <NewLinkHint />
        </Centered>
      );
    case "failed":
      return (
        <Centered title="Sign in">
          <ErrorPanel what="You are not signed in yet." error={progress.error} />
          <Button
            kind="primary"
            onClick={() => {
              attempts.delete(token);
              setProgress({ step: "redeeming" });
            }}
          >
            Try again
          </Button>
        </Centered>
      );
  }
}

const attempts = new Map<string, Promise<unknown>>();

/** A token is spent by its first use, so one attempt serves every render. */
function redeemOnce(token: string): Promise<unknown> {
  const attempt = attempts.get(token) ?? redeemLink(token);
  attempts.set(token, attempt);
  return attempt;
}

let taken = "";

/** Reads the token and takes it out of the address and the history. */
function takeToken(): string {
  const token = location.hash.slice(1);
  if (token === "") return taken;
  taken = token;
  history.replaceState(history.state, "", location.pathname + location.search);
  return token;
}

function isRefusal(error: unknown): boolean {
  return isApiError(error) && ["unauthenticated", "invalid_request", "not_found"].includes(error.code);
}
