/** The section *Escape suite* of `docs/security.md`, made from the probes, and the tests elsewhere that belong to it. */
import {
  type EscapeProbe,
  type OwnUserReach,
  type ProbeGroup,
  type Reach,
  WALLS,
} from "../packages/vm-agent/src/runtime/escape/probe.ts";
import { PROBE_GROUPS } from "../packages/vm-agent/src/runtime/escape/suite.ts";

export const ESCAPE_BEGIN = "<!-- made by `node scripts/check-security-tests.ts --write` -->";
export const ESCAPE_END = "<!-- end of the escape suite -->";

const AGENT = "packages/vm-agent/src";
const FILE_OF_ATTACKS = `${AGENT}/runtime/runtime.contract.test.ts`;

/** What other suites show: in the form of the checks' table. */
const ELSEWHERE: readonly { readonly what: string; readonly tests: string }[] = [
  {
    what: "files, processes, kernel and survival, the first attacks",
    tests: `\`${FILE_OF_ATTACKS}\` "a hostile program in the %s runtime", "nothing of it can be written in a sandbox or container", "starts a daemon without its environment that outlives the end"`,
  },
  {
    what: "connections to the node, to link-local addresses and to another session's gateway",
    tests: `\`${AGENT}/runtime/network/network.contract.test.ts\` "reaches a server of the node at %s", "reaches an abstract unix socket of the node", "reaches another session's gateway", "has no way to %s", "a program in it changes nothing of that"`,
  },
  {
    what: "names and addresses around the allow-list",
    tests: `\`${AGENT}/egress/proxy.test.ts\` "%s is reached by no kind of request, listed or not", "a name that changes its address between look-ups is looked up once", "the node's own addresses and the control plane's are refused by every name", "an allow-list lets listed hosts out, and looks up no other name"`,
  },
  {
    what: "too many processes, memory and disk space",
    tests: `\`${AGENT}/session-host/workspace-limits.test.ts\` "a program that starts processes without end is ended", "a program that fills the memory is ended", "a program that fills the disk in %s is ended"; \`${AGENT}/daemon/git/hostile-checkout.test.ts\` "a hook that passes the workspace's limits"`,
  },
  {
    what: "repositories that lead git elsewhere or start programs",
    tests: `\`${AGENT}/daemon/git/hostile-checkout.test.ts\` "leads git to no other repository: %s", "starts filters in the workspace only", "is never git itself", "shows and commits no file that a hard link brings in"; \`${AGENT}/daemon/git/finish.test.ts\` "starts none of the git settings, hooks and filters that the agent planted"; \`${AGENT}/daemon/git/clone.test.ts\` "starts nothing while it clones a hostile repository"; \`${AGENT}/daemon/git/escape.test.ts\` "a submodule whose published settings name a command is not pushed"`,
  },
  { what: "planted agents", tests: `\`${AGENT}/daemon/planted-agent.test.ts\` "does not run a planted agent"` },
  {
    what: "hostile pages: cookies at other ports, and names that lead to this computer",
    tests:
      '`tests/journeys/browser.test.ts` "a server on another port gets no cookie"; `apps/api/src/http/hosts.test.ts` "the sign-in cookie counts at the pages\' address alone"',
  },
];

export const ESCAPE_REFERENCES = ELSEWHERE.map(({ tests }) => tests).join("; ");

/** Markdown between {@link ESCAPE_BEGIN} and {@link ESCAPE_END}, with both. */
export function formatEscapeSuite(): string {
  const all = PROBE_GROUPS.flatMap(({ probes }) => probes);
  const holes = all.flatMap(({ what, holes: known = {} }) => listHoles(what, known));
  return [
    ESCAPE_BEGIN,
    `${all.length} probes in \`${AGENT}/runtime/escape\`: \`escape.contract.test.ts\` beside them and \`${AGENT}/daemon/git/escape.test.ts\` run them in each runtime. ` +
      "A probe that never succeeds has a control, in which the same lines do, or its test first sees it work.",
    "",
    "| group | probes | succeed without a sandbox: always | as root only | never | as a user of its own: always | where the machine lets every user | in a sandbox | in a container |",
    "|---|---|---|---|---|---|---|---|---|",
    ...PROBE_GROUPS.map(formatRow),
    formatRow({ title: "**all**", probes: all }),
    "",
    "Without a sandbox, where each workspace has a user of its own, a program of a workspace",
    "",
    ...PROBE_GROUPS.flatMap(({ title, probes }) => [
      ...formatList(`**${title}**, always`, probes, isOwn("always")),
      ...formatList(`**${title}**, where the machine lets every user`, probes, isOwn("by machine")),
    ]),
    "",
    "and nothing else of this. Without a sandbox and with the node's user, a program of a workspace",
    "",
    ...PROBE_GROUPS.flatMap(({ title, probes }) => [
      ...formatList(`**${title}**, always`, probes, isReached("always")),
      ...formatList(`**${title}**, as root`, probes, isReached("as root")),
      ...formatList(`**${title}**, never`, probes, isReached("never")),
    ]),
    "",
    holes.length === 0
      ? "In a sandbox or container it does none of this."
      : "In a sandbox or container it does none of this, except that, where the kernel lets it without one, it",
    "",
    ...holes,
    ...(holes.length === 0 ? [] : [""]),
    "These belong to the suite too:",
    "",
    ...ELSEWHERE.map(({ what, tests }) => `- ${what}: ${tests}`),
    ESCAPE_END,
  ].join("\n");
}

/** One line for the walls that have it for the same reason. */
function listHoles(what: string, known: NonNullable<EscapeProbe["holes"]>): string[] {
  const reasons = [...new Set(WALLS.flatMap((wall) => known[wall] ?? []))];
  return reasons.map((reason) => {
    const walls = WALLS.filter((wall) => known[wall] === reason);
    return `- ${what} (${walls.join(", ")}): ${reason}.`;
  });
}

type Selects = (probe: EscapeProbe) => boolean;

const isReached =
  (reach: Reach): Selects =>
  (probe) =>
    probe.process === reach;
const isOwn =
  (reach: OwnUserReach): Selects =>
  (probe) =>
    probe.ownUser === reach;
const count = (probes: readonly EscapeProbe[], selects: Selects) => probes.filter(selects).length;

function formatRow({ title, probes }: ProbeGroup): string {
  const holes = WALLS.map((wall) => probes.filter(({ holes: known }) => known?.[wall] !== undefined).length);
  const cells = [
    title,
    probes.length,
    count(probes, isReached("always")),
    count(probes, isReached("as root")),
    count(probes, isReached("never")),
    count(probes, isOwn("always")),
    count(probes, isOwn("by machine")),
    ...holes,
  ];
  return `| ${cells.join(" | ")} |`;
}

function formatList(title: string, probes: readonly EscapeProbe[], selects: Selects): string[] {
  const names = probes.filter(selects).map(({ what }) => what);
  return names.length === 0 ? [] : [`- ${title}: ${names.join("; ")}.`];
}
