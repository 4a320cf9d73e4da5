/** A connection that the project's egress policy refused, and the way to allow its host. */
import type { MessageView, ProjectView } from "@samovar/contracts";
import type { EgressPermission, RefusedConnection } from "@samovar/domain/egress-permission";
import { decideEgressPermission } from "@samovar/domain/egress-permission";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ShieldBan } from "lucide-react";
import { allowEgressHost } from "../../api/commands.ts";
import { projectKey, projectsKey } from "../../api/query-keys.ts";
import { useProject } from "../../api/use-project.ts";
import { visibleText } from "../../lib/visible-text.ts";
import { Button } from "../../ui/button.tsx";
import { Fold } from "../../ui/fold.tsx";
import { Markdown } from "../../ui/markdown/markdown.tsx";
import { getErrorMessage } from "../errors/error-panel.tsx";

interface EgressNoticeProps {
  readonly message: MessageView;
  readonly refused: RefusedConnection;
  readonly open: boolean;
  readonly onToggle: () => void;
}

export function EgressNotice({ message, refused, open, onToggle }: EgressNoticeProps) {
  const { host, port } = refused;
  return (
    <Fold
      open={open}
      onToggle={onToggle}
      line={
        <>
          <ShieldBan size={16} className="shrink-0 text-ink-3" aria-hidden="true" />
          <span className="shrink-0 text-ink-2">Connection refused</span>
          <code className="min-w-0 truncate font-mono text-code">{visibleText(toTarget(host, port))}</code>
        </>
      }
    >
      <div className="flex flex-col gap-2 text-ui">
        {message.content !== "" && <Markdown text={message.content} live={false} />}
        <Permission refused={refused} />
      </div>
    </Fold>
  );
}

function Permission({ refused }: { readonly refused: RefusedConnection }) {
  const project = useProject();
  const permission = decideEgressPermission(project.egress, refused);
  if (permission.kind === "never")
    return <p className="text-small text-ink-3">The node's own and link-local addresses can't be allowed.</p>;
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
      {permission.kind === "none" ? (
        <>
          <Button disabled>Allow for this project</Button>
          <span className="text-small text-ink-2">
            This project allows no hosts.{" "}
            <Link to="/p/$project/settings" params={{ project: project.id }} className="text-accent underline">
              Change its settings
            </Link>
          </span>
        </>
      ) : (
        <AllowHost project={project} permission={permission} />
      )}
    </div>
  );
}

interface AllowHostProps {
  readonly project: ProjectView;
  readonly permission: Extract<EgressPermission, { kind: "allowable" | "allowed" }>;
}

function AllowHost({ project, permission }: AllowHostProps) {
  const client = useQueryClient();
  const allow = useMutation({
    mutationFn: (host: string) => allowEgressHost(project.id, host),
    onSuccess: (next) => {
      client.setQueryData(projectKey(next.id), next);
      void client.invalidateQueries({ queryKey: projectsKey });
    },
  });
  const isAllowed = permission.kind === "allowed";
  return (
    <>
      <Button
        disabled={isAllowed || allow.isPending}
        onClick={() => permission.kind === "allowable" && allow.mutate(permission.entry)}
      >
        {allow.isPending ? "Allowing…" : isAllowed && !allow.isSuccess ? "Already allowed" : "Allow for this project"}
      </Button>
      <span role="status" className="text-small text-ink-2">
        {isAllowed && "Allowed from the next session on."}
      </span>
      {allow.isError && !isAllowed && (
        <span role="alert" className="text-small text-failed">
          Couldn't allow it. {getErrorMessage(allow.error)}
        </span>
      )}
    </>
  );
}

const toTarget = (host: string, port: number): string => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);
