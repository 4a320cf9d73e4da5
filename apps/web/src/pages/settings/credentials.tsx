/** Credentials: one of each kind, written and never shown again. */
import { CREDENTIAL_KINDS, type AgentView, type CredentialKind, type CredentialView } from "@samovar/contracts";
import { useQuery } from "@tanstack/react-query";
import { CredentialCard } from "../../features/settings/credential-card.tsx";
import { getCredentialForm } from "../../features/settings/credential-forms.ts";
import { agentsQuery } from "../../api/agents.ts";
import { credentialsQuery } from "../../api/settings.ts";
import { ErrorPanel } from "../../features/errors/error-panel.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { useTitle } from "../../ui/use-title.ts";

export function CredentialSettings() {
  useTitle("Credentials");
  const credentials = useQuery(credentialsQuery);
  const { data: agents = [] } = useQuery(agentsQuery);
  return (
    <>
      <h1 className="text-page font-semibold">Credentials</h1>
      <p className="text-ui text-ink-2">
        Credentials are encrypted when stored and can't be read back. Agents never see a model's API key: they reach the
        model through a gateway on the node.
      </p>
      {credentials.isPending && <Skeleton label="Loading credentials" lines={[100, 100, 100]} />}
      {credentials.isError && credentials.data === undefined && (
        <ErrorPanel
          what="Couldn't load credentials."
          error={credentials.error}
          onRetry={() => void credentials.refetch()}
        />
      )}
      {credentials.data !== undefined && (
        <ul className="flex flex-col gap-3">
          {listKinds(agents, credentials.data).map((kind) => (
            <li key={kind}>
              <CredentialCard
                form={getCredentialForm(kind, agents)}
                stored={credentials.data.find((each) => each.kind === kind) ?? null}
              />
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** The known kinds, then those of custom agents, then what else is stored. */
function listKinds(agents: readonly AgentView[], stored: readonly CredentialView[]): readonly CredentialKind[] {
  const own = agents.flatMap(({ credential }) => (credential === null ? [] : [credential]));
  return [...new Set([...CREDENTIAL_KINDS, ...own, ...stored.map(({ kind }) => kind)])];
}
