/** A session as plain text: all of it at once, for the browser's own find, for reading aloud and to keep. */
import type { ProjectId, SessionId } from "@samovar/base";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ArrowLeft, Download } from "lucide-react";
import type { MessageView, SessionView } from "@samovar/contracts";
import { EXPORT_FORMATS, type ExportFormat, formatExported, formatExportHead } from "@samovar/domain/session-export";
import { useMemo } from "react";
import { formatSession } from "../features/transcript/format-session.ts";
import { visibleText } from "../lib/visible-text.ts";
import { readAll } from "../api/live/history.ts";
import { sessionQuery } from "../api/queries.ts";
import { useProject } from "../api/use-project.ts";
import { Button, getButtonClass } from "../ui/button.tsx";
import { saveFile } from "../lib/save-file.ts";
import { CopyButton } from "../ui/copy-button.tsx";
import { ErrorPanel } from "../features/errors/error-panel.tsx";
import { Skeleton } from "../ui/skeleton.tsx";
import { useTitle } from "../ui/use-title.ts";

export function SessionText() {
  const project = useProject();
  const { session } = useParams({ from: "/signed-in/p/$project/s/$session/text" });
  const about = useQuery(sessionQuery(project.id, session));
  const read = useQuery(wholeSession(project.id, session));
  const text = useMemo(() => (read.data === undefined ? "" : formatSession(read.data)), [read.data]);
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
          {read.data !== undefined && <Save text={text} messages={read.data} session={about.data} name={session} />}
        </header>
        {read.isPending && <Skeleton label="Loading the whole session" lines={[60, 100, 90, 95]} />}
        {read.isError && (
          <ErrorPanel
            what="Couldn't load the session. It is stored safely."
            error={read.error}
            onRetry={() => void read.refetch()}
          />
        )}
        {read.data !== undefined && <pre className="font-mono text-code whitespace-pre-wrap wrap-anywhere">{text}</pre>}
      </div>
    </main>
  );
}

/** As it is now: who wants it newer opens it again. */
const wholeSession = (project: ProjectId, session: SessionId) => ({
  queryKey: ["session text", project, session],
  queryFn: () => readAll(project, session),
  staleTime: 0,
  gcTime: 0,
});

interface SaveProps {
  readonly text: string;
  readonly messages: readonly MessageView[];
  readonly session: SessionView | undefined;
  /** Of the files, without an ending. */
  readonly name: string;
}

function Save({ text, messages, session, name }: SaveProps) {
  return (
    <span className="ms-auto inline-flex flex-wrap items-center gap-2">
      <CopyButton text={text} label="Copy all" />
      <Button onClick={() => saveFile([text], `${name}.txt`)}>
        <Download size={16} aria-hidden="true" />
        Text
      </Button>
      {session !== undefined &&
        EXPORT_FORMATS.map((format) => (
          <Button key={format} onClick={() => saveFile(exportAs(format, session, messages), `${name}.${format}`)}>
            <Download size={16} aria-hidden="true" />
            {FORMAT_LABELS[format]}
          </Button>
        ))}
    </span>
  );
}

const FORMAT_LABELS: Readonly<Record<ExportFormat, string>> = { md: "Markdown", jsonl: "JSON lines" };

const exportAs = (format: ExportFormat, session: SessionView, messages: readonly MessageView[]): string[] => [
  formatExportHead(session, format),
  ...messages.map((message) => formatExported(message, format)),
];
