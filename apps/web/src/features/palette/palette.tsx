/** Find anything: what can be done here, sessions by their topics, projects, settings. */
import type { ProjectId } from "@samovar/base";
import { projectId } from "@samovar/contracts";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, type LinkProps } from "@tanstack/react-router";
import { Command } from "cmdk";
import { FolderGit2, Search, Settings, Zap } from "lucide-react";
import { useMemo, useState, type KeyboardEvent } from "react";
import { projectsQuery, sessionsQuery, tasksQuery } from "../../api/queries.ts";
import { useActions } from "../../shortcuts/actions.tsx";
import { KEYMAP, type KeyGroup } from "../../shortcuts/keymap.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { StatusIcon, labelStatus } from "../../ui/status-mark.tsx";
import { useSettled } from "../../ui/use-settled.ts";
import { getSessionStatus, getShownStatus } from "../tasks/shown-status.ts";
import { visibleText } from "../../lib/visible-text.ts";
import { ShortcutKeys } from "../../shortcuts/shortcut-help.tsx";
import { FoundMessages } from "./found-messages.tsx";
import { scoreMatch } from "./match.ts";
import { GROUP, Item } from "./palette-item.tsx";

interface PaletteProps {
  readonly onClose: () => void;
}

const ORDER: readonly KeyGroup[] = ["Task", "Go to", "Session", "Board", "Page"];
const SESSIONS_SHOWN = 20;

const SETTINGS = [
  { to: "/settings/agents", label: "Agents" },
  { to: "/settings/credentials", label: "Credentials" },
  { to: "/settings/access", label: "Access: API tokens and signed-in browsers" },
  { to: "/settings/audit-log", label: "Audit log" },
  { to: "/settings/appearance", label: "Appearance: theme and shortcuts" },
  { to: "/settings/about", label: "About Samovar" },
] as const;

export function Palette({ onClose }: PaletteProps) {
  const project = projectId.safeParse(useParams({ strict: false }).project).data;
  const [words, setWords] = useState("");
  const navigate = useNavigate();
  const go = (to: LinkProps) => {
    onClose();
    void navigate(to);
  };
  return (
    <Dialog title="Find anything" quiet className="max-w-150" onClose={onClose}>
      <Command
        label="Find anything"
        loop
        filter={(_, typed, keywords) => scoreMatch((keywords ?? []).join(" "), typed)}
        onKeyDown={(event) => closesAgain(event) && onClose()}
        className="flex min-h-0 flex-col"
      >
        <div className="flex items-center gap-2 border-b border-hairline px-4">
          <Search size={16} className="shrink-0 text-ink-3" aria-hidden="true" />
          <Command.Input
            value={words}
            onValueChange={setWords}
            autoFocus
            maxLength={200}
            placeholder={
              project === undefined ? "Search projects and actions" : "Search messages, sessions, projects and actions"
            }
            className="min-h-12 w-full bg-transparent text-prose outline-none"
          />
        </div>
        <Command.List className="min-h-0 overflow-y-auto overscroll-contain p-2 text-ui">
          <Command.Empty className="px-3 py-6 text-center text-ink-2">No results.</Command.Empty>
          <Offered onClose={onClose} />
          {project !== undefined && <Sessions project={project} words={words} onGo={go} />}
          {project !== undefined && <FoundMessages project={project} words={words} onGo={go} />}
          <Projects onGo={go} />
          <Command.Group heading="Settings" className={GROUP}>
            {SETTINGS.map(({ to, label }) => (
              <Item
                key={to}
                id={to}
                words={`${label} settings`}
                icon={<Settings size={15} />}
                onSelect={() => go({ to })}
              >
                {label}
              </Item>
            ))}
          </Command.Group>
        </Command.List>
      </Command>
    </Dialog>
  );
}

/** The keys that opened it close it. */
function closesAgain(event: KeyboardEvent): boolean {
  const again = (event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k";
  if (again) event.preventDefault();
  return again;
}

/** What the page offers now, each with its keys: so the palette teaches them. */
function Offered({ onClose }: PaletteProps) {
  const store = useActions();
  // As it was when the palette was opened: what stands behind does not change meanwhile.
  const [offered] = useState(() => {
    const { offers } = store.getState();
    const there = KEYMAP.filter(({ id }) => id !== "palette" && offers.some((offer) => offer.id === id));
    return there.toSorted((a, b) => ORDER.indexOf(a.group) - ORDER.indexOf(b.group));
  });
  return (
    <Command.Group heading="Actions" className={GROUP}>
      {offered.map((binding) => {
        const label = binding.group === "Go to" ? `Go to ${binding.label.toLowerCase()}` : binding.label;
        return (
          <Item
            key={binding.id}
            id={binding.id}
            words={`${label} ${binding.group}`}
            icon={<Zap size={15} />}
            onSelect={() => {
              onClose();
              // After the dialog has given the focus back.
              setTimeout(() => store.getState().perform(binding.id));
            }}
          >
            <span className="min-w-0 flex-1 truncate">{label}</span>
            <ShortcutKeys binding={binding} />
          </Item>
        );
      })}
    </Command.Group>
  );
}

interface GoProps {
  readonly onGo: (to: LinkProps) => void;
}

interface SessionsProps extends GoProps {
  readonly project: ProjectId;
  readonly words: string;
}

/** Found by the server among all, not only among those that this page has read. */
function Sessions({ project, words, onGo }: SessionsProps) {
  const asked = useSettled(words.trim());
  const found = useInfiniteQuery(sessionsQuery(project, asked === "" ? {} : { q: asked }));
  const { data: tasks = [] } = useQuery(tasksQuery(project));
  const bySession = useMemo(() => new Map(tasks.map((task) => [task.sessionId, task])), [tasks]);
  const rows = found.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Command.Group heading="Sessions" className={GROUP}>
      {rows.slice(0, SESSIONS_SHOWN).map((session) => {
        const task = bySession.get(session.id);
        const status = task === undefined ? getSessionStatus(session) : getShownStatus(task);
        const topic = session.topic ?? task?.title ?? "Untitled";
        return (
          <Item
            key={session.id}
            id={session.id}
            words={topic}
            icon={<StatusIcon status={status} size={15} />}
            onSelect={() => onGo({ to: "/p/$project/s/$session", params: { project, session: session.id } })}
          >
            <span className="min-w-0 flex-1 truncate">{visibleText(topic)}</span>
            <span className="text-small text-ink-3">{labelStatus(status)}</span>
          </Item>
        );
      })}
    </Command.Group>
  );
}

function Projects({ onGo }: GoProps) {
  const { data: projects = [] } = useQuery(projectsQuery);
  return (
    <Command.Group heading="Projects" className={GROUP}>
      {projects
        .filter(({ archivedAt }) => archivedAt === null)
        .map((project) => (
          <Item
            key={project.id}
            id={project.id}
            words={`${project.name} project`}
            icon={<FolderGit2 size={15} />}
            onSelect={() => onGo({ to: "/p/$project", params: { project: project.id } })}
          >
            <span className="min-w-0 flex-1 truncate">{visibleText(project.name)}</span>
          </Item>
        ))}
    </Command.Group>
  );
}
