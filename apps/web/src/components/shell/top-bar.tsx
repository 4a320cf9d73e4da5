/** The bar above every page: where one is, whether it is live, and what belongs to the person. */
import type { ProjectId } from "@samovar/base";
import { projectId, type MeView } from "@samovar/contracts";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { CircleUser } from "lucide-react";
import { signOut } from "../../data/commands.ts";
import { projectQuery } from "../../data/queries.ts";
import { IconButton } from "../../ui/button.tsx";
import { Menu } from "../../ui/menu.tsx";
import { visibleText } from "../transcript/visible-text.ts";
import { ConnectionDot } from "./connection-dot.tsx";
import { readTheme, useTheme } from "./theme.ts";

const THEMES = [
  { value: "system", label: "As the system" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
] as const;

export function TopBar({ me }: { readonly me: MeView }) {
  const params = useParams({ strict: false });
  const project = projectId.safeParse(params.project).data;
  return (
    <div className="flex h-12 shrink-0 items-center gap-2 border-b border-hairline bg-sidebar px-3">
      <nav aria-label="Main" className="flex min-w-0 items-center gap-2 text-ui">
        <Link to="/" className="rounded-md px-1.5 py-1 font-semibold hover:bg-inset">
          Samovar
        </Link>
        {project !== undefined && (
          <>
            <span className="text-ink-3" aria-hidden="true">
              /
            </span>
            <ProjectName project={project} />
          </>
        )}
      </nav>
      <div className="ms-auto flex items-center gap-2">
        {project !== undefined && <ConnectionDot />}
        <PersonMenu me={me} />
      </div>
    </div>
  );
}

function ProjectName({ project }: { readonly project: ProjectId }) {
  const { data } = useQuery(projectQuery(project));
  if (data === undefined) return null;
  return (
    <Link to="/p/$project" params={{ project }} className="min-w-0 truncate rounded-md px-1.5 py-1 hover:bg-inset">
      {visibleText(data.name)}
    </Link>
  );
}

function PersonMenu({ me }: { readonly me: MeView }) {
  const [theme, setTheme] = useTheme();
  const navigate = useNavigate();
  // A fresh page forgets everything that it had read.
  const leave = useMutation({ mutationFn: signOut, onSuccess: () => location.assign("/") });
  return (
    <Menu
      trigger={
        <IconButton label={`${me.name}: settings`}>
          <CircleUser size={18} aria-hidden="true" />
        </IconButton>
      }
      entries={[
        { kind: "action", label: "Settings", hint: "G S", onSelect: () => void navigate({ to: "/settings" }) },
        { kind: "line" },
        {
          kind: "choices",
          name: "Theme",
          value: theme,
          choices: THEMES,
          onChoose: (value) => setTheme(readTheme(value)),
        },
        { kind: "line" },
        { kind: "action", label: "Sign out", onSelect: () => leave.mutate() },
      ]}
    />
  );
}
