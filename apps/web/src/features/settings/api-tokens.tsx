/** The API tokens that are valid, and a way to revoke each. */
import type { ApiTokenView } from "@samovar/contracts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { apiTokensQuery, revokeApiToken } from "../../api/access.ts";
import { apiTokensKey } from "../../api/query-keys.ts";
import { formatMoment } from "../../lib/format-time.ts";
import { visibleText } from "../../lib/visible-text.ts";
import { Button } from "../../ui/button.tsx";
import { Command } from "../../ui/centered.tsx";
import { ConfirmDialog } from "../../ui/confirm-dialog.tsx";
import { Ago } from "../../ui/moment.tsx";
import { getErrorMessage } from "../errors/error-panel.tsx";
import { AccessList, AccessRow } from "./access-list.tsx";

export function ApiTokens() {
  const tokens = useQuery(apiTokensQuery);
  const [asked, setAsked] = useState<ApiTokenView | null>(null);
  return (
    <>
      <AccessList
        title="API tokens"
        what="API tokens"
        about={
          <>
            The CLI and scripts use these. Create one with <Command>samovar tokens create --name NAME</Command>; it is
            shown once.
          </>
        }
        none="There are no API tokens."
        query={tokens}
        renderRow={(token) => <TokenRow token={token} onRevoke={() => setAsked(token)} />}
      />
      {asked !== null && <RevokeQuestion token={asked} onClose={() => setAsked(null)} />}
    </>
  );
}

function TokenRow({ token, onRevoke }: { readonly token: ApiTokenView; readonly onRevoke: () => void }) {
  const name = visibleText(token.name);
  return (
    <AccessRow
      name={name}
      mark={token.kind === "local" ? "This computer's CLI" : null}
      facts={
        <>
          Created <Ago at={token.createdAt} />,{" "}
          {token.lastUsedAt === null ? "never used" : <Used at={token.lastUsedAt} />},{" "}
          {token.expiresAt === null ? "ends when Samovar stops" : `expires ${formatMoment(token.expiresAt)}`}
        </>
      }
      action={
        <Button kind="danger" aria-label={`Revoke ${name}`} onClick={onRevoke}>
          Revoke
        </Button>
      }
    />
  );
}

const Used = ({ at }: { readonly at: number }) => (
  <>
    last used <Ago at={at} />
  </>
);

function RevokeQuestion({ token, onClose }: { readonly token: ApiTokenView; readonly onClose: () => void }) {
  const client = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => revokeApiToken(token.id),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: apiTokensKey });
      onClose();
    },
  });
  return (
    <ConfirmDialog
      title={`Revoke “${visibleText(token.name)}”?`}
      consequence={
        token.kind === "local"
          ? "The CLI on Samovar's computer stops working until Samovar is restarted. Its connections close now."
          : "Whatever uses it stops working, and its connections close now. This can't be undone."
      }
      yes={revoke.isPending ? "Revoking…" : "Revoke token"}
      no="Keep token"
      fault={revoke.isError ? getErrorMessage(revoke.error) : null}
      onAnswer={(yes) => (yes ? !revoke.isPending && revoke.mutate() : onClose())}
    />
  );
}
