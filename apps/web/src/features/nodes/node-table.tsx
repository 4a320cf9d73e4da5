/** The nodes as a table, one body for each: its figures, and beneath them what is unusual. */
import type { NodeView } from "@samovar/contracts";
import { useMedia } from "../../ui/use-media.ts";
import { NodeActions } from "./node-actions.tsx";
import { NodeAge, NodeName, NodeOutbox, NodePrice, NodeTasks } from "./node-facts.tsx";
import { hasNotes, NodeNotes } from "./node-notes.tsx";
import { NodeState } from "./node-state.tsx";
import type { NodeUsage } from "./node-usage.ts";

const NARROW = "(width < 75rem)";
const COLUMNS = ["Node", "State", "Tasks", "Age", "Cost so far", "Outbox"] as const;

export interface NodeListProps {
  readonly nodes: readonly { readonly node: NodeView; readonly usage: NodeUsage }[];
}

export function NodeTable({ nodes }: NodeListProps) {
  const narrow = useMedia(NARROW);
  return (
    <div className="overflow-x-auto">
      <table className="w-full text-start text-ui">
        <thead className="text-small text-ink-3">
          <tr>
            {COLUMNS.map((name) => (
              <th key={name} scope="col" className="px-2 py-1.5 text-start font-medium first:ps-0">
                {name}
              </th>
            ))}
            <th scope="col">
              <span className="sr-only">Actions</span>
            </th>
          </tr>
        </thead>
        {nodes.map(({ node, usage }) => (
          <tbody key={node.id} className="border-t border-hairline">
            <tr className="align-top *:px-2 *:py-2.5 *:first:ps-0 *:last:pe-0">
              <th scope="row" className="max-w-44 text-start font-normal">
                <NodeName node={node} />
              </th>
              <td>
                <NodeState node={node} />
              </td>
              <td className="w-full max-w-0 min-w-40">
                <NodeTasks node={node} running={usage.running} />
              </td>
              <td>
                <NodeAge node={node} />
              </td>
              <td>
                <NodePrice node={node} />
              </td>
              <td>
                <NodeOutbox node={node} />
              </td>
              <td className="py-1.5!">
                <NodeActions node={node} usage={usage} narrow={narrow} />
              </td>
            </tr>
            {hasNotes(node, usage) && (
              <tr>
                <td colSpan={COLUMNS.length + 1}>
                  <NodeNotes node={node} usage={usage} />
                </td>
              </tr>
            )}
          </tbody>
        ))}
      </table>
    </div>
  );
}
