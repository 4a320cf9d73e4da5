/** A session as plain text: all of it at once, for the browser's own find, for reading aloud and to keep. */
import type { ProjectId, SessionId } from "@samovar/base";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ArrowLeft, Download } from "lucide-react";
import { useMemo } from "react";
import { formatSession } from "../features/transcript/format-session.ts";
import { visibleText } from "../lib/visible-text.ts";
import { readAll } from "../api/live/history.ts";
import { sessionQuery } from "../api/queries.ts";
import { useProject } from "../api/use-project.ts";
import { getButtonClass } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { ErrorPanel } from "../features/errors/error-panel.tsx";
import { Skeleton } from "../ui/skeleton.tsx";
import { useTitle } from "../ui/use-title.ts";

export function SessionText() {
  const project = useProject();
  const { session } = useParams({ from: "/signed-in/p/$project/s/$session/text" });
  const about = useQuery(sessionQuery(project.id, session));
  const read = useQuery(wholeSession(project.id, session));
  const topic = visibleText(about.data?.topic ?? "Session");
  useTitle(`${topic} as text`);
  return (
    <main className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto flex w-full max-w-190 flex-col gap-4 p-4">
        <header className="flex flex-wrap items-center gap-3">
          <Link
            to="/p/$project/s/$session"
            params={{ project: project.id, session }}
            className={getButtonClass("plain")}
          >
            <ArrowLeft size={16} aria-hidden="true" />
            Session
          </Link>
          <h1 className="min-w-0 text-title font-semibold wrap-anywhere max-tablet:order-last max-tablet:w-full tablet:flex-1">
            {topic}
          </h1>
          {read.data !== undefined && <Save text={read.data} name={`${session}.txt`} />}
        </header>
        {read.isPending && <Skeleton label="Loading the whole session" lines={[60, 100, 90, 95]} />}
        {read.isError && (
          <ErrorPanel
            what="Couldn't load the session. It is stored safely."
            error={read.error}
            onRetry={() => void read.refetch()}
          />
        )}
        {read.data !== undefined && (
          <pre className="font-mono text-code whitespace-pre-wrap wrap-anywhere">{read.data}</pre>
        )}
      </div>
    </main>
  );
}

/** As it is now: who wants it newer opens it again. */
const wholeSession = (project: ProjectId, session: SessionId) => ({
  queryKey: ["session text", project, session],
  queryFn: async () => formatSession(await readAll(project, session)),
  staleTime: 0,
  gcTime: 0,
});

function Save({ text, name }: { readonly text: string; readonly name: string }) {
  const address = useMemo(() => URL.createObjectURL(new Blob([text], { type: "text/plain" })), [text]);
  return (
    <span className="ms-auto inline-flex items-center gap-2">
      <CopyButton text={text} label="Copy all" />
      <a href={address} download={name} className={getButtonClass("plain")}>
        <Download size={16} aria-hidden="true" />
        Download
      </a>
    </span>
  );
}
