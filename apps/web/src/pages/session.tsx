/** One session: its task's head and its transcript, live. */
import type { ProjectId, SessionId } from "@samovar/base";
import type { SessionView, TaskView } from "@samovar/contracts";
import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { isRunning } from "../features/tasks/shown-status.ts";
import { SessionTail } from "../features/tasks/session-tail.tsx";
import { TaskHeader } from "../features/tasks/task-header.tsx";
import { Transcript } from "../features/transcript/transcript.tsx";
import { useStart } from "../features/transcript/use-start.ts";
import { visibleText } from "../lib/visible-text.ts";
import type { HeldTranscript } from "../api/live/store.ts";
import { sessionQuery, taskQuery } from "../api/queries.ts";
import { useTranscript } from "../api/use-live.ts";
import { useAction } from "../shortcuts/actions.tsx";
import { ErrorPanel } from "../features/errors/error-panel.tsx";
import { Skeleton } from "../ui/skeleton.tsx";
import { labelStatus } from "../ui/status-mark.tsx";
import { useTitle } from "../ui/use-title.ts";

interface SessionPageProps {
  readonly project: ProjectId;
  readonly session: SessionId;
  /** The place of a message that the address asks for. */
  readonly link: number | null;
}

/** Requests the messages right away, in parallel with the session itself. */
export function SessionPage({ project, session: sessionId, link }: SessionPageProps) {
  const session = useQuery(sessionQuery(project, sessionId));
  const held = useTranscript(sessionId);
  if (session.data === undefined) {
    if (!session.isError) return <SessionSkeleton />;
    return <Unreadable what="Couldn't load the session." read={session} />;
  }
  return session.data.taskId === null ? (
    <Conversation session={session.data} held={held} task={null} link={link} />
  ) : (
    <WithTask project={project} session={session.data} held={held} taskId={session.data.taskId} link={link} />
  );
}

interface WithTaskProps {
  readonly project: ProjectId;
  readonly session: SessionView;
  readonly held: HeldTranscript | undefined;
  readonly taskId: NonNullable<SessionView["taskId"]>;
  readonly link: number | null;
}

function WithTask({ project, session, held, taskId, link }: WithTaskProps) {
  const task = useQuery(taskQuery(project, taskId));
  if (task.data === undefined && !task.isError) return <SessionSkeleton />;
  if (task.data !== undefined && task.data.sessionId !== session.id) {
    return (
      <>
        <EarlierAttempt task={task.data} />
        <Conversation session={session} held={held} task={null} link={link} />
      </>
    );
  }
  return (
    <>
      {task.data !== undefined && <TaskHeader key={task.data.id} task={task.data} />}
      {task.data === undefined && <Unreadable what="Couldn't load the task." read={task} />}
      <Conversation session={session} held={held} task={task.data ?? null} link={link} />
    </>
  );
}

function EarlierAttempt({ task }: { readonly task: TaskView }) {
  return (
    <header className="border-b border-hairline px-4 py-2">
      <div className="mx-auto w-full max-w-190">
        <h1 className="text-title font-semibold wrap-anywhere">{visibleText(task.title)}</h1>
        <p className="text-small text-ink-2">
          This is an earlier attempt; the task was run again.{" "}
          <Link
            to="/p/$project/s/$session"
            params={{ project: task.projectId, session: task.sessionId }}
            className="text-accent underline"
          >
            Open the latest attempt
          </Link>
        </p>
      </div>
    </header>
  );
}

interface ConversationProps {
  readonly session: SessionView;
  readonly held: HeldTranscript | undefined;
  readonly task: TaskView | null;
  readonly link: number | null;
}

function Conversation({ session, held, task, link }: ConversationProps) {
  const topic = visibleText(task?.title ?? session.topic ?? "Session");
  const navigate = useNavigate();
  const toText = { to: "/p/$project/s/$session/text", params: { project: session.projectId, session: session.id } };
  useAction("session.text", () => void navigate(toText));
  useTitle(topic);
  const live = task === null ? session.status === "active" : isRunning(task.status);
  const start = useStart(session.id, held, link);
  if (held === undefined || start === null) return <SessionSkeleton />;
  return (
    <>
      <p role="status" className="sr-only">
        {task !== null && labelStatus(task.status)}
      </p>
      <Transcript
        key={`${session.id} ${link}`}
        session={session}
        messages={held.transcript.messages}
        older={held.older}
        live={live}
        start={start}
        link={link}
        tail={task === null ? null : <SessionTail task={task} />}
      />
    </>
  );
}

function SessionSkeleton() {
  return (
    <div className="mx-auto w-full max-w-190 flex-1 p-6">
      <Skeleton label="Loading the session" lines={[55, 100, 92, 70, 84]} />
    </div>
  );
}

function Unreadable({ what, read }: { readonly what: string; readonly read: UseQueryResult<unknown> }) {
  return (
    <div className="mx-auto w-full max-w-190 p-6">
      <ErrorPanel what={what} error={read.error} onRetry={() => void read.refetch()} />
    </div>
  );
}
