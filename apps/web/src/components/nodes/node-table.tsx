/** The machines as a table. */
import type { NodeView } from "@samovar/contracts";
import { Ago } from "../../ui/moment.tsx";
import { visibleText } from "../transcript/visible-text.ts";

export function NodeTable({ nodes }: { readonly nodes: readonly NodeView[] }) {
  return (
    <div className="overflow-x-auto">
      <table className="w-full text-start text-ui">
        <thead className="text-small text-ink-3">
          <tr>
            {["Name", "State", "Size", "Tasks", "Made"].map((name) => (
              <th key={name} scope="col" className="px-2 py-1.5 text-start font-medium">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {nodes.map((node) => (
            <tr key={node.id} className="border-t border-hairline">
              <th scope="row" className="px-2 py-2 text-start font-normal">
                <code className="font-mono text-code">{visibleText(node.name)}</code>
              </th>
              <td className="px-2">{node.state}</td>
              <td className="px-2">{node.size}</td>
              <td className="px-2 tabular-nums">
                {node.taskIds.length} of {node.slots}
              </td>
              <td className="px-2">
                <Ago at={node.createdAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
