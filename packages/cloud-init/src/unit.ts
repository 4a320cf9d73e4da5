/** The part of systemd's unit files that Samovar writes and reads. */
import { err, ok, type Result } from "@samovar/base";

export interface ServiceUnit {
  readonly description: string;
  /** argv of the main process. */
  readonly execStart: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly restart: "no" | "always" | "on-failure";
  readonly restartDelayMs: number;
  /** Files without which the service is not started. */
  readonly requiredPaths: readonly string[];
}

const renderAgentUnit = (settings: string) => `[Unit]
Description=Samovar vm-agent
Wants=network-online.target
After=network-online.target
ConditionPathExists=/opt/samovar/vm-agent.cjs
StartLimitIntervalSec=0

[Service]
Environment=PATH=/opt/samovar/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Environment=HOME=/root
Environment=LANG=C.UTF-8
${settings}ExecStart=/opt/samovar/bin/node /opt/samovar/vm-agent.cjs daemon /etc/samovar/agent.json
Restart=always
RestartSec=1
KillMode=process
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID CAP_SETUID CAP_SETFCAP CAP_SETPCAP CAP_SYS_ADMIN CAP_SYS_PTRACE
ProtectSystem=full
ReadWritePaths=/etc/samovar
IPAddressDeny=link-local
Delegate=yes
DelegateSubgroup=daemon
TasksMax=infinity
OOMPolicy=continue

[Install]
WantedBy=multi-user.target
`;

/**
 * KillMode=process: session-hosts outlive the daemon. No start limit: a node never gives up on its agent. IPAddressDeny holds
 * for the agent and all that it starts: workspaces cannot reach the cloud's metadata service (systemd.resource-control(5)).
 * Delegate and its subgroup (systemd 254 and newer): the agent makes control groups of its workspaces, which have their own
 * limits of tasks; one of them that runs out of memory must not stop the service.
 * The agent is root to start each workspace as a user of its own, which has no capability. Its own are those that it needs: to
 * change users, to give and remove their files, to signal them, to read their processes, to enter their networks,
 * and to map root in the user namespace of a sandbox (CAP_SETFCAP, user_namespaces(7)).
 * ProtectSystem=full: /usr, /boot and /etc are read-only. What hides parts of /proc would keep sandboxes from mounting theirs.
 * `environment`: the node's settings, printable ASCII. Throws on other text, which a unit cannot say.
 */
export function agentUnit(environment: Readonly<Record<string, string>>): string {
  return renderAgentUnit(Object.entries(environment).map(assign).join(""));
}

function assign([name, value]: readonly [string, string]): string {
  if (!/^[\x20-\x7e]*$/.test(value)) throw new Error(`${name} is not printable ASCII`);
  const quoted = value.replaceAll(/["\\]/g, "\\$&").replaceAll("%", "%%");
  return `Environment="${name}=${quoted}"\n`;
}

/** Reads a service unit; keys that Samovar does not use are ignored. The error is a sentence. */
export function parseServiceUnit(text: string): Result<ServiceUnit, string> {
  const entries = unitEntries(text);
  const last = (key: string) => entries.findLast((entry) => entry.key === key)?.value;
  const all = (key: string) => entries.filter((entry) => entry.key === key).map((entry) => entry.value);

  const execStart = splitWords(last("Service.ExecStart") ?? "");
  if (!execStart.ok) return execStart;
  if (execStart.value.length === 0) return err("the unit has no ExecStart");
  const environment = assignments(all("Service.Environment"));
  if (!environment.ok) return environment;
  const restart = last("Service.Restart") ?? "no";
  if (restart !== "no" && restart !== "always" && restart !== "on-failure")
    return err(`Restart=${restart} is not understood`);
  const delay = /^(\d+(?:\.\d+)?)(ms|s)?$/.exec(last("Service.RestartSec") ?? "100ms");
  if (delay === null) return err("RestartSec is not a number of seconds");
  return ok({
    description: last("Unit.Description") ?? "",
    execStart: execStart.value,
    environment: environment.value,
    restart,
    restartDelayMs: Number(delay[1]) * (delay[2] === "ms" ? 1 : 1000),
    requiredPaths: all("Unit.ConditionPathExists"),
  });
}

function unitEntries(text: string): { readonly key: string; readonly value: string }[] {
  let section = "";
  const entries = [];
  for (const raw of text.replaceAll(/\\\n/g, " ").split("\n")) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    const header = /^\[(.+)\]$/.exec(line);
    if (header !== null) section = header[1] ?? "";
    const cut = line.indexOf("=");
    if (header === null && cut > 0)
      entries.push({ key: `${section}.${line.slice(0, cut).trim()}`, value: line.slice(cut + 1).trim() });
  }
  return entries;
}

function assignments(values: readonly string[]): Result<Record<string, string>, string> {
  const environment: Record<string, string> = {};
  for (const value of values) {
    const words = splitWords(value);
    if (!words.ok) return words;
    for (const word of words.value) {
      const cut = word.indexOf("=");
      if (cut < 1) return err(`Environment=${word} is not an assignment`);
      environment[word.slice(0, cut)] = word.slice(cut + 1);
    }
  }
  return ok(environment);
}

/** systemd's word splitting: blanks, both kinds of quotes, backslash, and `%%` for a percent sign. */
function splitWords(line: string): Result<string[], string> {
  const words: string[] = [];
  let word: string | null = null;
  let quote = "";
  for (let at = 0; at < line.length; at++) {
    const char = line.charAt(at);
    if (char === "\\" && at + 1 < line.length) word = (word ?? "") + line.charAt(++at);
    else if (quote !== "" && char === quote) quote = "";
    else if (quote === "" && (char === '"' || char === "'")) {
      quote = char;
      word ??= "";
    } else if (quote === "" && /\s/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? "") + char;
  }
  if (quote !== "") return err("a quote is not closed");
  if (word !== null) words.push(word);
  return ok(words.map((found) => found.replaceAll("%%", "%")));
}
