/** The nodes as cards, where a table doesn't fit. */
import type { NodeView } from "@samovar/contracts";
import type { ReactNode } from "react";
import { visibleText } from "../../lib/visible-text.ts";
import { NodeActions } from "./node-actions.tsx";
import { NodeAge, NodeName, NodeOutbox, NodePrice, NodeTasks } from "./node-facts.tsx";
import { hasNotes, NodeNotes } from "./node-notes.tsx";
import { NodeState } from "./node-state.tsx";
import type { NodeListProps } from "./node-table.tsx";
import type { NodeUsage } from "./node-usage.ts";

export function NodeCards({ nodes }: NodeListProps) {
  return (
    <ul className="grid gap-3 tablet:grid-cols-2">
      {nodes.map(({ node, usage }) => (
        <li key={node.id}>
          <NodeCard node={node} usage={usage} />
        </li>
      ))}
    </ul>
  );
}

function NodeCard({ node, usage }: { readonly node: NodeView; readonly usage: NodeUsage }) {
  return (
    <article
      aria-label={visibleText(node.name)}
      className="flex h-full flex-col gap-3 rounded-xl border border-hairline bg-raised p-4 text-ui"
    >
      <div className="flex flex-col gap-1.5">
        <NodeState node={node} />
        <NodeName node={node} />
      </div>
      <dl className="grid grid-cols-2 gap-x-4 gap-y-3">
        <Fact name="Tasks" wide>
          <NodeTasks node={node} running={usage.running} />
        </Fact>
        <Fact name="Age">
          <NodeAge node={node} />
        </Fact>
        <Fact name="Cost so far">
          <NodePrice node={node} />
        </Fact>
        <Fact name="Outbox" wide>
          <NodeOutbox node={node} />
        </Fact>
      </dl>
      {hasNotes(node, usage) && <NodeNotes node={node} usage={usage} />}
      <div className="mt-auto">
        <NodeActions node={node} usage={usage} />
      </div>
    </article>
  );
}

interface FactProps {
  readonly name: string;
  readonly wide?: boolean;
  readonly children: ReactNode;
}

function Fact({ name, wide = false, children }: FactProps) {
  return (
    <div className={wide ? "col-span-2 min-w-0" : "min-w-0"}>
      <dt className="text-small text-ink-3">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
