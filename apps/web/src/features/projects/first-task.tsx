/** A first task that runs at once, without any key: one press puts it into the composer, where it can be read before it runs. */
import type { ProjectId } from "@samovar/base";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { agentsQuery } from "../../api/settings.ts";
import { useActions } from "../../shortcuts/actions.tsx";
import { Button } from "../../ui/button.tsx";
import { getDraft, fillDraft } from "../tasks/draft.ts";
import { visibleText } from "../../lib/visible-text.ts";

const FIRST_TASK = `Look around and leave a note

\`\`\`plan
- [ ] See what is in the repository
- [ ] Write a note
\`\`\`

\`\`\`sh
ls -la
\`\`\`

\`\`\`write SAMOVAR.md
This note was written by a task that Samovar ran.
\`\`\`

\`\`\`say
Done. The note is on a new branch: look at the changes above, then merge or delete it.
\`\`\`
`;

export function FirstTask({ project }: { readonly project: ProjectId }) {
  const actions = useActions();
  const { data: agents = [] } = useQuery(agentsQuery);
  const ready = agents.filter(({ kind, usable }) => usable && kind !== "script");
  const fill = () => {
    const typed = getDraft(project).text.trim();
    fillDraft(project, { text: typed === "" ? FIRST_TASK : `${typed}\n\n${FIRST_TASK}`, agent: "script" });
    actions.getState().perform("task.new");
  };
  return (
    <section aria-label="First task" className="flex flex-col gap-2 rounded-xl border border-hairline bg-raised p-4">
      <h2 className="text-title font-semibold text-ink">Try it out</h2>
      <p>
        The script agent needs no key: it runs the steps written in the task. This one lists the files and writes a note
        on a new branch, in about ten seconds.
      </p>
      <div>
        <Button onClick={fill}>Fill in a first task</Button>
      </div>
      {agents.length > 0 && (
        <p className="text-small">
          {ready.length === 0 ? (
            <>
              To use a coding agent such as Claude Code,{" "}
              <Link to="/settings/credentials" className="text-accent underline">
                add its key
              </Link>
              .
            </>
          ) : (
            `Coding agents ready to use: ${ready.map(({ name }) => visibleText(name)).join(", ")}. Choose one under Advanced.`
          )}
        </p>
      )}
    </section>
  );
}
