/** The browsers that are signed in, and ways to sign out the others. */
import type { SignInSessionView } from "@samovar/contracts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { endSignInSession, signInSessionsQuery, signOutOthers } from "../../api/access.ts";
import { signInSessionsKey } from "../../api/query-keys.ts";
import { formatMoment } from "../../lib/format-time.ts";
import { Button } from "../../ui/button.tsx";
import { ConfirmDialog } from "../../ui/confirm-dialog.tsx";
import { Ago } from "../../ui/moment.tsx";
import { getErrorMessage } from "../errors/error-panel.tsx";
import { AccessList, AccessRow } from "./access-list.tsx";
import { describeBrowser } from "./describe-browser.ts";

export function SignInSessions() {
  const sessions = useQuery(signInSessionsQuery);
  const [asked, setAsked] = useState<SignInSessionView | "others" | null>(null);
  const hasOthers = sessions.data?.some(({ current }) => !current) === true;
  return (
    <>
      <AccessList
        title="Signed-in browsers"
        what="signed-in browsers"
        about="Each was signed in with a one-time link and stays signed in for seven days after its last use."
        none="No browser is signed in."
        query={sessions}
        action={hasOthers && <Button onClick={() => setAsked("others")}>Sign out everywhere else</Button>}
        renderRow={(session) => <SessionRow session={session} onSignOut={() => setAsked(session)} />}
      />
      {asked !== null && <SignOutQuestion asked={asked} onClose={() => setAsked(null)} />}
    </>
  );
}

interface SessionRowProps {
  readonly session: SignInSessionView;
  readonly onSignOut: () => void;
}

function SessionRow({ session, onSignOut }: SessionRowProps) {
  const name = describeBrowser(session.userAgent);
  return (
    <AccessRow
      name={name}
      mark={session.current ? "This browser" : null}
      facts={
        <>
          Signed in <Ago at={session.createdAt} />, last used <Ago at={session.lastUsedAt ?? session.createdAt} />,
          expires {formatMoment(session.expiresAt)}
        </>
      }
      action={
        !session.current && (
          <Button kind="danger" aria-label={`Sign out ${name}`} onClick={onSignOut}>
            Sign out
          </Button>
        )
      }
    />
  );
}

interface SignOutQuestionProps {
  readonly asked: SignInSessionView | "others";
  readonly onClose: () => void;
}

function SignOutQuestion({ asked, onClose }: SignOutQuestionProps) {
  const client = useQueryClient();
  const signOut = useMutation({
    mutationFn: () => (asked === "others" ? signOutOthers() : endSignInSession(asked.id)),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: signInSessionsKey });
      onClose();
    },
  });
  return (
    <ConfirmDialog
      title={asked === "others" ? "Sign out everywhere else?" : `Sign out ${describeBrowser(asked.userAgent)}?`}
      consequence={
        asked === "others"
          ? "Every other browser is signed out now. This one stays signed in."
          : "That browser is signed out now, and needs a new sign-in link."
      }
      yes={signOut.isPending ? "Signing out…" : "Sign out"}
      no="Cancel"
      fault={signOut.isError ? getErrorMessage(signOut.error) : null}
      onAnswer={(yes) => (yes ? !signOut.isPending && signOut.mutate() : onClose())}
    />
  );
}
