/** The actions on a node; each asks for confirmation and says what it interrupts. */
import type { NodeView } from "@samovar/contracts";
import { ArrowDownToLine, Trash2, type LucideIcon } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { NodeAction } from "../../api/nodes.ts";
import { Button, IconButton } from "../../ui/button.tsx";
import { visibleText } from "../../lib/visible-text.ts";
import { NodeDialog } from "./node-dialog.tsx";
import type { NodeUsage } from "./node-usage.ts";

interface NodeActionsProps {
  readonly node: NodeView;
  readonly usage: NodeUsage;
  /** Where there is little room: icons with names instead of words. */
  readonly narrow?: boolean;
}

export function NodeActions({ node, usage, narrow = false }: NodeActionsProps) {
  const [asked, setAsked] = useState<NodeAction | null>(null);
  const place = useRef<HTMLSpanElement>(null);
  const acted = useRef(false);
  // The button that was used may be gone with its purpose: focus stays where it was.
  useEffect(() => {
    if (acted.current) place.current?.focus();
    acted.current = false;
  });
  const name = visibleText(node.name);
  const over = node.state === "destroying" || node.state === "destroyed";
  return (
    <span ref={place} tabIndex={-1} role="group" aria-label={`Actions for ${name}`} className="flex justify-end gap-1">
      {over && <span className="sr-only">Being destroyed</span>}
      {!over && node.state !== "draining" && (
        <Action narrow={narrow} word="Drain" name={name} icon={ArrowDownToLine} onAsk={() => setAsked("drain")} />
      )}
      {!over && <Action narrow={narrow} word="Destroy" name={name} icon={Trash2} onAsk={() => setAsked("destroy")} />}
      {!over && asked !== null && (
        <NodeDialog
          node={node}
          usage={usage}
          action={asked}
          onClose={() => setAsked(null)}
          onDone={() => {
            acted.current = true;
            setAsked(null);
          }}
        />
      )}
    </span>
  );
}

interface ActionProps {
  readonly narrow: boolean;
  readonly word: string;
  readonly name: string;
  readonly icon: LucideIcon;
  readonly onAsk: () => void;
}

function Action({ narrow, word, name, icon: Icon, onAsk }: ActionProps) {
  const label = `${word} ${name}`;
  const icon = <Icon size={narrow ? 16 : 14} aria-hidden="true" />;
  if (narrow) {
    return (
      <IconButton label={label} onClick={onAsk}>
        {icon}
      </IconButton>
    );
  }
  return (
    <Button kind="quiet" aria-label={label} onClick={onAsk}>
      {icon}
      {word}
    </Button>
  );
}
