/** What can be done with a machine; each is asked once more, with what it would interrupt. */
import type { NodeView } from "@samovar/contracts";
import { ArrowDownToLine, Trash2 } from "lucide-react";
import { useState } from "react";
import type { NodeAction } from "../../data/machines.ts";
import { Button } from "../../ui/button.tsx";
import { visibleText } from "../transcript/visible-text.ts";
import { NodeDialog } from "./node-dialog.tsx";
import type { OnNode } from "./node-words.ts";

export function NodeActions({ node, on }: { readonly node: NodeView; readonly on: OnNode }) {
  const [asked, setAsked] = useState<NodeAction | null>(null);
  if (node.state === "destroying" || node.state === "destroyed") return null;
  const name = visibleText(node.name);
  return (
    <span className="flex gap-1">
      {node.state !== "draining" && (
        <Button kind="quiet" aria-label={`Drain ${name}`} onClick={() => setAsked("drain")}>
          <ArrowDownToLine size={14} aria-hidden="true" />
          Drain
        </Button>
      )}
      <Button kind="quiet" aria-label={`Destroy ${name}`} onClick={() => setAsked("destroy")}>
        <Trash2 size={14} aria-hidden="true" />
        Destroy
      </Button>
      {asked !== null && <NodeDialog node={node} on={on} action={asked} onClose={() => setAsked(null)} />}
    </span>
  );
}
