/** Which Samovar this is, how it is set up, and where it is explained. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { settingsQuery, versionQuery, type InstallationSettings } from "../../api/settings.ts";
import { useActions } from "../../shortcuts/actions.tsx";
import { Button } from "../../ui/button.tsx";
import { Command } from "../../ui/centered.tsx";
import { ErrorPanel } from "../../features/errors/error-panel.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { formatSpan } from "../../lib/format-time.ts";
import { useTitle } from "../../ui/use-title.ts";

export function AboutSettings() {
  useTitle("About");
  const settings = useQuery(settingsQuery);
  const version = useQuery(versionQuery);
  const actions = useActions();
  return (
    <>
      <h1 className="text-page font-semibold">About</h1>
      <p className="text-ui text-ink-2">
        Samovar{version.data === undefined ? "" : ` ${version.data}`} runs coding tasks on nodes that it creates and
        looks after.
      </p>
      <section aria-label="This installation" className="flex flex-col gap-2">
        <h2 className="text-title font-semibold">This installation</h2>
        {settings.isPending && <Skeleton label="Loading settings" lines={[60, 70, 50]} />}
        {settings.isError && settings.data === undefined && (
          <ErrorPanel what="Couldn't load settings." error={settings.error} onRetry={() => void settings.refetch()} />
        )}
        {settings.data !== undefined && <Facts settings={settings.data} />}
        <p className="text-small text-ink-3">
          The operator sets these with environment variables; the reference lists them all.
        </p>
      </section>
      <section aria-label="Documentation" className="flex flex-col items-start gap-2 text-ui text-ink-2">
        <h2 className="text-title font-semibold text-ink">Documentation</h2>
        <ul className="flex list-disc flex-col gap-1 ps-5">
          <li>
            <Command>docs/guide.md</Command> in Samovar's source: tasks, agents, nodes and troubleshooting.
          </li>
          <li>
            <Command>docs/reference</Command>: every setting and every error.
          </li>
          <li>
            <a href="/api/openapi.json" target="_blank" rel="noreferrer" className="text-accent underline">
              API description
            </a>{" "}
            (OpenAPI).
          </li>
          <li>
            <Command>samovar help</Command> in a terminal: everything that this page does.
          </li>
        </ul>
        <Button onClick={() => actions.getState().perform("help")}>Show keyboard shortcuts</Button>
      </section>
    </>
  );
}

function Facts({ settings }: { readonly settings: InstallationSettings }) {
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1 text-ui">
      <Fact name="Default agent">{settings.defaultAgent}</Fact>
      <Fact name="Default node size">{settings.defaultVmSize}</Fact>
      <Fact name="Repositories">{settings.allowLocalRepos ? "by URL, or by a path on this computer" : "by URL"}</Fact>
      <Fact name="Maximum nodes">{settings.maxNodesPerUser}</Fact>
      <Fact name="Slots per node">{settings.nodeSlots}</Fact>
      <Fact name="Nodes stay warm for">{formatSpan(settings.nodeWarmTimeoutMs)}</Fact>
      <Fact name="Task time limit">{formatSpan(settings.taskMaxDurationMs)}</Fact>
      <Fact name="Workspaces are retained for">{formatSpan(settings.keptWorkspaceRetentionMs)}</Fact>
    </dl>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <>
      <dt className="text-ink-3">{name}</dt>
      <dd className="tabular-nums">{children}</dd>
    </>
  );
}
