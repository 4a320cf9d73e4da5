/** The addresses of the page. Ids are parsed here: what is inside gets typed ones. */
import { projectId, sessionId, workspaceId } from "@samovar/contracts";
import type { ProjectId, SessionId, WorkspaceId } from "@samovar/base";
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  notFound,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { Broken } from "./scenes/broken.tsx";
import { NewTask } from "./scenes/new-task.tsx";
import { NotFound } from "./scenes/not-found.tsx";
import { ProjectScene } from "./scenes/project.tsx";
import { Projects } from "./scenes/projects.tsx";
import { Root } from "./scenes/root.tsx";
import { safeNext } from "./scenes/safe-next.ts";
import { SessionScene } from "./scenes/session.tsx";
import { SignIn } from "./scenes/sign-in.tsx";

const rootRoute = createRootRoute({ component: Outlet, notFoundComponent: NotFound, errorComponent: Broken });

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): { next?: string } =>
    typeof search["next"] === "string" ? { next: search["next"] } : {},
  component: function SignInPage() {
    const { next } = signInRoute.useSearch();
    const navigate = signInRoute.useNavigate();
    return (
      <SignIn
        next={safeNext(next, location.origin)}
        onSignedIn={(path) => void navigate({ href: path, replace: true })}
      />
    );
  },
});

const signedInRoute = createRoute({ getParentRoute: () => rootRoute, id: "signed-in", component: Root });

const projectsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/",
  component: function ProjectsPage() {
    const navigate = projectsRoute.useNavigate();
    return <Projects onCreated={(project) => void navigate({ to: "/p/$project", params: { project: project.id } })} />;
  },
});

const projectRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/p/$project",
  params: { parse: ({ project }): { project: ProjectId } => ({ project: known(projectId.safeParse(project).data) }) },
  component: function ProjectPage() {
    const { project } = projectRoute.useParams();
    const navigate = projectRoute.useNavigate();
    return (
      <ProjectScene
        key={project}
        project={project}
        onOpenSession={(session) => void navigate({ to: "/p/$project/s/$session", params: { project, session } })}
      >
        <Outlet />
      </ProjectScene>
    );
  },
});

const newTaskRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/",
  component: function NewTaskPage() {
    return <NewTask project={newTaskRoute.useParams().project} />;
  },
});

const sessionRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/s/$session",
  params: { parse: ({ session }): { session: SessionId } => ({ session: known(sessionId.safeParse(session).data) }) },
  component: function SessionPage() {
    const { project, session } = sessionRoute.useParams();
    return <SessionScene key={session} project={project} session={session} />;
  },
});

const workspaceRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/w/$workspace",
  params: {
    parse: ({ workspace }): { workspace: WorkspaceId } => ({ workspace: known(workspaceId.safeParse(workspace).data) }),
  },
  component: lazyRouteComponent(() => import("./scenes/workspace.tsx"), "WorkspaceScene"),
});

const settingsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/settings",
  component: lazyRouteComponent(() => import("./scenes/settings/settings.tsx"), "Settings"),
});

const settingsIndexRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/settings/agents", replace: true });
  },
});

const settingsAgentsRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: "/agents",
  component: lazyRouteComponent(() => import("./scenes/settings/agents.tsx"), "AgentSettings"),
});

const settingsCredentialsRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: "/credentials",
  component: lazyRouteComponent(() => import("./scenes/settings/credentials.tsx"), "CredentialSettings"),
});

function known<T>(id: T | undefined): T {
  if (id === undefined) throw notFound();
  return id;
}

const routeTree = rootRoute.addChildren([
  signInRoute,
  signedInRoute.addChildren([
    projectsRoute,
    projectRoute.addChildren([newTaskRoute, sessionRoute, workspaceRoute]),
    settingsRoute.addChildren([settingsIndexRoute, settingsAgentsRoute, settingsCredentialsRoute]),
  ]),
]);

export const router = createRouter({
  routeTree,
  defaultPreload: "intent",
  defaultNotFoundComponent: NotFound,
  defaultErrorComponent: Broken,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
