/** Removes a custom agent; a refusal is shown beside the button. */
import type { AgentView } from "@samovar/contracts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { agentsKey } from "../../api/query-keys.ts";
import { deleteAgent } from "../../api/settings.ts";
import { Button } from "../../ui/button.tsx";
import { getErrorMessage } from "../errors/error-panel.tsx";

export function RemoveAgent({ agent }: { readonly agent: AgentView }) {
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => deleteAgent(agent.kind),
    onSuccess: () => client.invalidateQueries({ queryKey: agentsKey }),
  });
  return (
    <span className="ms-auto flex items-center gap-2">
      {remove.isError && (
        <span role="alert" className="text-small text-failed">
          {getErrorMessage(remove.error)}
        </span>
      )}
      <Button kind="quiet" disabled={remove.isPending} onClick={() => remove.mutate()}>
        Remove
      </Button>
    </span>
  );
}
