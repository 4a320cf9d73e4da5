/** Nodes that failed in the last day: the provider refused, they never came up, or they stopped responding. */
import { useQuery } from "@tanstack/react-query";
import { OctagonX } from "lucide-react";
import { failedNodesQuery } from "../../api/nodes.ts";
import { Ago } from "../../ui/moment.tsx";
import { useNow } from "../../ui/use-now.ts";
import { visibleText } from "../../lib/visible-text.ts";
import { Note } from "./node-notes.tsx";

const DAY_MS = 24 * 3_600_000;
const STEP_MS = 60_000;

export function FailedNodes() {
  const now = useNow(STEP_MS);
  const { data = [] } = useQuery(failedNodesQuery);
  const lost = data.filter(({ destroyedAt }) => destroyedAt !== null && destroyedAt > now - DAY_MS);
  if (lost.length === 0) return null;
  return (
    <section aria-labelledby="lost-nodes" className="flex flex-col gap-2">
      <h2 id="lost-nodes" className="text-title font-semibold">
        Failed in the last 24 hours
      </h2>
      <ul className="flex flex-col gap-2 text-small">
        {lost.map((node) => (
          <li key={node.id}>
            <Note icon={OctagonX} tone="text-failed">
              <code className="font-mono text-code">{visibleText(node.name)}</code> ({node.size}
              {node.destroyedAt !== null && (
                <>
                  , <Ago at={node.destroyedAt} />
                </>
              )}
              ): {visibleText(node.failure?.message ?? "")}
            </Note>
          </li>
        ))}
      </ul>
    </section>
  );
}
