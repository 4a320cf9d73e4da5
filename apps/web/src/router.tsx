/**
 * The addresses of the page. Ids are parsed here: what is inside gets typed ones. Chat comes at once, the rest when
 * needed. What an address shows is requested as soon as it is known, all in parallel; only its page waits for it.
 */
import { projectId, sessionId, taskId, userCode, workspaceId } from "@samovar/contracts";
import type { ProjectId, SessionId, TaskId, WorkspaceId } from "@samovar/base";
import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  notFound,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { readBoardSearch } from "./features/board/board-search.ts";
import { lastPlaces } from "./features/shell/last-places.ts";
import { meQuery, prefetchSession, projectQuery } from "./api/queries.ts";
import { readSessionSearch } from "./features/sessions/session-search.ts";
import { Broken } from "./pages/broken.tsx";
import { ChatHome } from "./pages/chat-home.tsx";
import { Chat } from "./pages/chat.tsx";
import { NewTask } from "./pages/new-task.tsx";
import { NotFound } from "./pages/not-found.tsx";
import { ProjectLayout } from "./pages/project.tsx";
import { Root } from "./pages/root.tsx";
import { toSafeNext } from "./lib/safe-next.ts";
import { SessionPage } from "./pages/session.tsx";
import { SignIn } from "./pages/sign-in.tsx";
import { TaskRedirect } from "./pages/task-redirect.tsx";

interface PageContext {
  readonly client: QueryClient;
}

const rootRoute = createRootRouteWithContext<PageContext>()({
  component: Outlet,
  notFoundComponent: NotFound,
  errorComponent: Broken,
});

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): { next?: string } =>
    typeof search["next"] === "string" ? { next: search["next"] } : {},
  component: function SignInRoute() {
    const { next } = signInRoute.useSearch();
    const navigate = signInRoute.useNavigate();
    return (
      <SignIn
        next={toSafeNext(next, location.origin)}
        onSignedIn={(path) => void navigate({ href: path, replace: true })}
      />
    );
  },
});

const signedInRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: "signed-in",
  loader: ({ context }) => void context.client.prefetchQuery(meQuery),
  component: Root,
});

const projectsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/",
  component: lazyRouteComponent(() => import("./pages/projects.tsx"), "Projects"),
});

const projectRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/p/$project",
  params: { parse: ({ project }): { project: ProjectId } => ({ project: known(projectId.safeParse(project).data) }) },
  loader: ({ context, params }) => void context.client.prefetchQuery(projectQuery(params.project)),
  component: function ProjectRoute() {
    const { project } = projectRoute.useParams();
    return <ProjectLayout key={project} project={project} />;
  },
});

const chatRoute = createRoute({ getParentRoute: () => projectRoute, id: "chat", component: Chat });

const chatHomeRoute = createRoute({
  getParentRoute: () => chatRoute,
  path: "/",
  component: function ChatHomeRoute() {
    return <ChatHome project={chatHomeRoute.useParams().project} />;
  },
});

const newTaskRoute = createRoute({
  getParentRoute: () => chatRoute,
  path: "/new",
  component: function NewTaskRoute() {
    return <NewTask project={newTaskRoute.useParams().project} />;
  },
});

const sessionRoute = createRoute({
  getParentRoute: () => chatRoute,
  path: "/s/$session",
  params: { parse: ({ session }): { session: SessionId } => ({ session: known(sessionId.safeParse(session).data) }) },
  validateSearch: readSessionSearch,
  loader: ({ context, params }) => void prefetchSession(context.client, params.project, params.session),
  onEnter: ({ params: { project, session } }) => lastPlaces.rememberSession(project, session),
  onStay: ({ params: { project, session } }) => lastPlaces.rememberSession(project, session),
  component: function SessionRoute() {
    const { project, session } = sessionRoute.useParams();
    const { msg = null } = sessionRoute.useSearch();
    return <SessionPage key={session} project={project} session={session} link={msg} />;
  },
});

const sessionTextRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/s/$session/text",
  params: { parse: ({ session }): { session: SessionId } => ({ session: known(sessionId.safeParse(session).data) }) },
  component: lazyRouteComponent(() => import("./pages/session-text.tsx"), "SessionText"),
});

const taskRoute = createRoute({
  getParentRoute: () => chatRoute,
  path: "/t/$task",
  params: { parse: ({ task }): { task: TaskId } => ({ task: known(taskId.safeParse(task).data) }) },
  component: function TaskRoute() {
    const { project, task } = taskRoute.useParams();
    return <TaskRedirect project={project} task={task} />;
  },
});

const boardRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/board",
  validateSearch: readBoardSearch,
  onEnter: ({ params: { project }, search }) => lastPlaces.rememberBoard(project, search),
  onStay: ({ params: { project }, search }) => lastPlaces.rememberBoard(project, search),
  component: lazyRouteComponent(() => import("./pages/board.tsx"), "Board"),
});

const workspaceRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/w/$workspace",
  params: {
    parse: ({ workspace }): { workspace: WorkspaceId } => ({ workspace: known(workspaceId.safeParse(workspace).data) }),
  },
  component: lazyRouteComponent(() => import("./pages/workspace.tsx"), "WorkspacePage"),
});

const projectSettingsRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/settings",
  component: lazyRouteComponent(() => import("./pages/project-settings.tsx"), "ProjectSettings"),
});

const nodesRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/nodes",
  component: lazyRouteComponent(() => import("./pages/nodes.tsx"), "Nodes"),
});

const connectRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/connect",
  validateSearch: (search: Record<string, unknown>): { code?: string } => {
    const code = userCode.safeParse(search["code"]);
    return code.success ? { code: code.data } : {};
  },
  component: lazyRouteComponent(() => import("./pages/connect.tsx"), "Connect"),
});

const settingsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/settings",
  component: lazyRouteComponent(() => import("./pages/settings/settings.tsx"), "Settings"),
});

const settingsHomeRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/settings/agents", replace: true });
  },
});

const agentsRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: "/agents",
  component: lazyRouteComponent(() => import("./pages/settings/agents.tsx"), "AgentSettings"),
});

const credentialsRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: "/credentials",
  component: lazyRouteComponent(() => import("./pages/settings/credentials.tsx"), "CredentialSettings"),
});

const accessRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: "/access",
  component: lazyRouteComponent(() => import("./pages/settings/access.tsx"), "AccessSettings"),
});

const budgetRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: "/budget",
  component: lazyRouteComponent(() => import("./pages/settings/budget.tsx"), "BudgetSettings"),
});

const auditLogRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: "/audit-log",
  component: lazyRouteComponent(() => import("./pages/settings/audit-log.tsx"), "AuditLog"),
});

const appearanceRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: "/appearance",
  component: lazyRouteComponent(() => import("./pages/settings/appearance.tsx"), "AppearanceSettings"),
});

const aboutRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: "/about",
  component: lazyRouteComponent(() => import("./pages/settings/about.tsx"), "AboutSettings"),
});

function known<T>(id: T | undefined): T {
  if (id === undefined) throw notFound();
  return id;
}

const routeTree = rootRoute.addChildren([
  signInRoute,
  signedInRoute.addChildren([
    projectsRoute,
    projectRoute.addChildren([
      chatRoute.addChildren([chatHomeRoute, newTaskRoute, sessionRoute, taskRoute]),
      sessionTextRoute,
      boardRoute,
      workspaceRoute,
      projectSettingsRoute,
    ]),
    nodesRoute,
    connectRoute,
    settingsRoute.addChildren([
      settingsHomeRoute,
      agentsRoute,
      credentialsRoute,
      budgetRoute,
      accessRoute,
      auditLogRoute,
      appearanceRoute,
      aboutRoute,
    ]),
  ]),
]);

export const createPageRouter = (context: PageContext) =>
  createRouter({
    routeTree,
    context,
    defaultPreload: "intent",
    defaultNotFoundComponent: NotFound,
    defaultErrorComponent: Broken,
  });

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createPageRouter>;
  }
}
