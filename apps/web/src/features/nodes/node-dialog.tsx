/** Confirms draining or destroying a node: what that interrupts, and what would be lost. */
import type { NodeView } from "@samovar/contracts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { nodesKey, workspacesKey } from "../../api/query-keys.ts";
import { actOnNode, nodesQuery, type NodeAction } from "../../api/nodes.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { getErrorMessage } from "../errors/error-panel.tsx";
import { visibleText } from "../../lib/visible-text.ts";
import type { NodeUsage } from "./node-usage.ts";

interface NodeDialogProps {
  readonly node: NodeView;
  readonly usage: NodeUsage;
  readonly action: NodeAction;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function NodeDialog({ node, usage, action, onClose, onDone }: NodeDialogProps) {
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: () => actOnNode(node.id, action),
    onSuccess: async (changed) => {
      onDone();
      client.setQueryData(nodesQuery.queryKey, (nodes) =>
        nodes?.map((each) => (each.id === changed.id ? changed : each)),
      );
      await Promise.all([nodesKey, workspacesKey].map((queryKey) => client.invalidateQueries({ queryKey })));
    },
  });
  const destroys = action === "destroy";
  return (
    <Dialog title={`${destroys ? "Destroy" : "Drain"} ${visibleText(node.name)}?`} onClose={onClose}>
      <div className="flex min-h-0 flex-col gap-4 overflow-y-auto px-5 pt-2 pb-5 text-ui">
        {destroys ? <Destroyed node={node} usage={usage} /> : <Drained node={node} usage={usage} />}
        {act.isError && (
          <p role="alert" className="text-small text-failed">
            {getErrorMessage(act.error)}
          </p>
        )}
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="danger" disabled={act.isPending} onClick={() => act.mutate()}>
            {destroys ? "Destroy now" : "Drain"}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

interface Effect {
  readonly node: NodeView;
  readonly usage: NodeUsage;
}

function Destroyed({ node, usage: { running, retained } }: Effect) {
  const atWork = running.filter((work) => work.status === "in_progress");
  const starting = running.filter((work) => work.status !== "in_progress");
  return (
    <>
      {isEmpty(node) && <p>Nothing is running on it, so nothing is lost.</p>}
      {atWork.length > 0 && (
        <Touched titles={atWork.map((work) => work.title)}>
          {atWork.length === 1
            ? "This task will fail. Its transcript is"
            : "These tasks will fail. Their transcripts are"}{" "}
          kept; unpushed work is lost.
        </Touched>
      )}
      {starting.length > 0 && (
        <Touched titles={starting.map((work) => work.title)}>
          {starting.length === 1 ? "This task hasn't" : "These tasks haven't"} started yet and will start on another
          node.
        </Touched>
      )}
      {retained.length > 0 && (
        <Touched titles={retained.map(({ work, workspace }) => work?.title ?? workspace.id)}>
          {retained.length === 1 ? "This retained workspace is" : "These retained workspaces are"} lost, with any
          unpushed work.
        </Touched>
      )}
    </>
  );
}

function Touched({ titles, children }: { readonly titles: readonly string[]; readonly children: ReactNode }) {
  return (
    <div className="flex flex-col gap-1">
      <p>{children}</p>
      <Titles titles={titles} />
    </div>
  );
}

function Drained({ node, usage: { running, retained } }: Effect) {
  if (isEmpty(node)) return <p>Nothing is running on it, so it is destroyed right away. Nothing is lost.</p>;
  return (
    <>
      <p>
        Nothing is interrupted. It takes no new tasks, and is destroyed when these are done
        {retained.length > 0 && " and no workspace is retained on it"}.
      </p>
      <Titles titles={[...running.map((work) => work.title), ...retained.flatMap(({ work }) => work?.title ?? [])]} />
    </>
  );
}

const isEmpty = ({ taskIds, retainedTaskIds }: NodeView) => taskIds.length === 0 && retainedTaskIds.length === 0;

function Titles({ titles }: { readonly titles: readonly string[] }) {
  return (
    <ul className="list-disc ps-5 text-ink-2">
      {titles.map((title, index) => (
        <li key={index} className="wrap-anywhere">
          {visibleText(title)}
        </li>
      ))}
    </ul>
  );
}
