/** Find anything: what can be done here, sessions and tasks by their words, projects, pages. */
import type { ProjectId } from "@samovar/base";
import { projectId } from "@samovar/contracts";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { Command } from "cmdk";
import { FolderGit2, MessageSquare, Search, Zap } from "lucide-react";
import { useState, type ReactNode } from "react";
import { projectsQuery, sessionsQuery } from "../../data/queries.ts";
import { useActions } from "../../keys/actions.tsx";
import { KEYMAP } from "../../keys/keymap.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { visibleText } from "../transcript/visible-text.ts";
import { Keys } from "./help.tsx";

interface PaletteProps {
  readonly onClose: () => void;
}

const GROUP =
  "[&_[cmdk-group-heading]]:px-3 [&_[cmdk-group-heading]]:py-1 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-ink-3";

export function Palette({ onClose }: PaletteProps) {
  const project = projectId.safeParse(useParams({ strict: false }).project).data;
  const [words, setWords] = useState("");
  return (
    <Dialog title="Find anything" quiet className="max-w-150" onClose={onClose}>
      <Command label="Find anything" loop className="flex min-h-0 flex-col">
        <div className="flex items-center gap-2 border-b border-hairline px-4">
          <Search size={16} className="shrink-0 text-ink-3" aria-hidden="true" />
          <Command.Input
            value={words}
            onValueChange={setWords}
            autoFocus
            placeholder="A session, a project, or what to do"
            className="min-h-12 w-full bg-transparent text-prose outline-none"
          />
        </div>
        <Command.List className="min-h-0 overflow-y-auto p-2 text-ui">
          <Command.Empty className="px-3 py-6 text-center text-ink-2">Nothing of that name.</Command.Empty>
          <Offered onClose={onClose} />
          {project !== undefined && <Sessions project={project} words={words} onClose={onClose} />}
          <Projects onClose={onClose} />
        </Command.List>
      </Command>
    </Dialog>
  );
}

/** What the page offers now, each with its keys: so the palette teaches them. */
function Offered({ onClose }: PaletteProps) {
  const store = useActions();
  const offers = store((state) => state.offers);
  const offered = KEYMAP.filter(({ id }) => id !== "palette" && offers.some((offer) => offer.id === id));
  return (
    <Command.Group heading="Do" className={GROUP}>
      {offered.map((binding) => (
        <Item
          key={binding.id}
          value={`${binding.label} ${binding.group} ${binding.id}`}
          icon={<Zap size={15} aria-hidden="true" />}
          onSelect={() => {
            onClose();
            // After the dialog has given the focus back.
            setTimeout(() => store.getState().perform(binding.id));
          }}
        >
          <span className="min-w-0 flex-1 truncate">
            {binding.group === "Go to" ? `Go to ${binding.label.toLowerCase()}` : binding.label}
          </span>
          <Keys binding={binding} />
        </Item>
      ))}
    </Command.Group>
  );
}

interface SessionsProps extends PaletteProps {
  readonly project: ProjectId;
  readonly words: string;
}

function Sessions({ project, words, onClose }: SessionsProps) {
  const navigate = useNavigate();
  const asked = words.trim();
  const found = useInfiniteQuery(sessionsQuery(project, asked === "" ? {} : { q: asked }));
  const rows = found.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Command.Group heading="Sessions" className={GROUP}>
      {rows.slice(0, 50).map((session) => (
        <Item
          key={session.id}
          value={`${session.topic ?? "Untitled"} ${session.id}`}
          icon={<MessageSquare size={15} aria-hidden="true" />}
          onSelect={() => {
            onClose();
            void navigate({ to: "/p/$project/s/$session", params: { project, session: session.id } });
          }}
        >
          <span className="min-w-0 flex-1 truncate">{visibleText(session.topic ?? "Untitled")}</span>
        </Item>
      ))}
    </Command.Group>
  );
}

function Projects({ onClose }: PaletteProps) {
  const navigate = useNavigate();
  const { data: projects = [] } = useQuery(projectsQuery);
  return (
    <Command.Group heading="Projects" className={GROUP}>
      {projects.map((project) => (
        <Item
          key={project.id}
          value={`${project.name} ${project.id}`}
          icon={<FolderGit2 size={15} aria-hidden="true" />}
          onSelect={() => {
            onClose();
            void navigate({ to: "/p/$project", params: { project: project.id } });
          }}
        >
          <span className="min-w-0 flex-1 truncate">{visibleText(project.name)}</span>
        </Item>
      ))}
    </Command.Group>
  );
}

interface ItemProps {
  readonly value: string;
  readonly icon: ReactNode;
  readonly onSelect: () => void;
  readonly children: ReactNode;
}

function Item({ value, icon, onSelect, children }: ItemProps) {
  return (
    <Command.Item
      value={value}
      onSelect={onSelect}
      className="flex min-h-9 cursor-pointer items-center gap-2.5 rounded-md px-3 py-1 text-ink data-[selected=true]:bg-accent-tint pointer-coarse:min-h-11"
    >
      <span className="shrink-0 text-ink-3">{icon}</span>
      {children}
    </Command.Item>
  );
}
