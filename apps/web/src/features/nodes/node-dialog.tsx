/** Asks before a machine is drained or destroyed: what that would interrupt, and what would be lost. */
import type { NodeView } from "@samovar/contracts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { nodesKey, workspacesKey } from "../../api/query-keys.ts";
import { actOnNode, nodesQuery, type NodeAction } from "../../api/nodes.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { messageOf } from "../errors/error-panel.tsx";
import { visibleText } from "../../lib/visible-text.ts";
import type { OnNode } from "./node-words.ts";

interface NodeDialogProps {
  readonly node: NodeView;
  readonly on: OnNode;
  readonly action: NodeAction;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function NodeDialog({ node, on, action, onClose, onDone }: NodeDialogProps) {
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: () => actOnNode(node.id, action),
    onSuccess: async (told) => {
      onDone();
      client.setQueryData(nodesQuery.queryKey, (nodes) => nodes?.map((each) => (each.id === told.id ? told : each)));
      await Promise.all([nodesKey, workspacesKey].map((queryKey) => client.invalidateQueries({ queryKey })));
    },
  });
  const destroys = action === "destroy";
  return (
    <Dialog title={`${destroys ? "Destroy" : "Drain"} ${visibleText(node.name)}?`} onClose={onClose}>
      <div className="flex min-h-0 flex-col gap-4 overflow-y-auto px-5 pt-2 pb-5 text-ui">
        {destroys ? <Destroyed node={node} on={on} /> : <Drained node={node} on={on} />}
        {act.isError && (
          <p role="alert" className="text-small text-failed">
            {messageOf(act.error)}
          </p>
        )}
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>Leave it</Button>
          <Button kind="danger" disabled={act.isPending} onClick={() => act.mutate()}>
            {destroys ? "Destroy it now" : "Drain it"}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

interface Effect {
  readonly node: NodeView;
  readonly on: OnNode;
}

function Destroyed({ node, on: { running, kept } }: Effect) {
  const atWork = running.filter((work) => work.status === "in_progress");
  const starting = running.filter((work) => work.status !== "in_progress");
  return (
    <>
      {isEmpty(node) && <p>Nothing runs on it, so nothing is lost.</p>}
      {atWork.length > 0 && (
        <Touched titles={atWork.map((work) => work.title)}>
          {atWork.length === 1 ? "This task fails. Its transcript is" : "These tasks fail. Their transcripts are"} kept;
          work that is not pushed is lost.
        </Touched>
      )}
      {starting.length > 0 && (
        <Touched titles={starting.map((work) => work.title)}>
          {starting.length === 1 ? "This task has" : "These tasks have"} not begun, and will start on another machine.
        </Touched>
      )}
      {kept.length > 0 && (
        <Touched titles={kept.map(({ work, workspace }) => work?.title ?? workspace.id)}>
          {kept.length === 1 ? "This kept workspace is" : "These kept workspaces are"} lost, with what was not pushed.
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

function Drained({ node, on: { running, kept } }: Effect) {
  if (isEmpty(node)) return <p>Nothing runs on it, so it is destroyed at once. Nothing is lost.</p>;
  return (
    <>
      <p>
        Nothing is interrupted. It takes no more tasks, and is destroyed when the last of these is done
        {kept.length > 0 && " and no workspace is kept on it any more"}.
      </p>
      <Titles titles={[...running.map((work) => work.title), ...kept.flatMap(({ work }) => work?.title ?? [])]} />
    </>
  );
}

const isEmpty = ({ taskIds, keptTaskIds }: NodeView) => taskIds.length === 0 && keptTaskIds.length === 0;

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
