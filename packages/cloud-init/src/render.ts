/**
 * `#cloud-config` of a node. Holds one single-use bootstrap token and nothing that lives longer.
 * Its text is ASCII, and every string is one for YAML 1.1 (cloud-init) and 1.2 (ours) alike.
 */
import { agentRelease, agentSettings, LIMITS, nodeEnvironment, toVariables } from "@samovar/contracts";
import { stringify } from "yaml";
import * as z from "zod";
import { INSTALL_SCRIPT } from "./install-script.ts";
import { agentUnit } from "./unit.ts";

export const PATHS = {
  settings: "/etc/samovar/agent.json",
  installScript: "/opt/samovar/install.sh",
  unit: "/etc/systemd/system/samovar-agent.service",
  /** While this file exists, the vm-agent takes no task; the file says what the node is waiting for. */
  preparing: "/etc/samovar/preparing",
} as const;

/** The Debian packages that tasks need. They are installed while the vm-agent connects. */
export const TOOLS = ["bubblewrap", "ca-certificates", "git", "git-lfs"] as const;

const userDataInput = z.object({
  agent: agentSettings,
  release: agentRelease,
  /** The settings of the node, as its vm-agent reads them. */
  environment: nodeEnvironment,
  hostname: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "not a host name"),
});
export type UserDataInput = z.input<typeof userDataInput>;

/** Throws `ZodError` on wrong input, and an error when the result is longer than a provider takes. */
export function renderUserData(input: UserDataInput): string {
  const { agent, release, environment, hostname } = userDataInput.parse(input);
  const agentUrl = new URL(agent.controlPlaneUrl.replace(/\/+$/, "") + release.path).href;
  const config = {
    hostname,
    ssh_pwauth: false,
    // A provider may ask for more; it would come before the vm-agent.
    package_update: false,
    package_upgrade: false,
    write_files: [
      toFileEntry(PATHS.settings, "0600", `${ascii(JSON.stringify(agent, null, 2))}\n`),
      toFileEntry(PATHS.installScript, "0755", INSTALL_SCRIPT),
      toFileEntry(PATHS.unit, "0644", agentUnit(toVariables(environment))),
      toFileEntry(PATHS.preparing, "0644", `installing ${TOOLS.join(" ")}\n`),
    ],
    runcmd: [
      ["sh", PATHS.installScript, "system"],
      ["sh", PATHS.installScript, "agent", agentUrl, release.sha256],
      ["systemctl", "daemon-reload"],
      ["systemctl", "enable", "--now", PATHS.unit.slice(PATHS.unit.lastIndexOf("/") + 1)],
      ["sh", PATHS.installScript, "tools", ...TOOLS],
    ],
  };
  const text = `#cloud-config\n${stringify(config, { version: "1.1", lineWidth: 0 })}`;
  if (text.length > LIMITS.userDataMaxBytes)
    throw new Error(`user data has ${text.length} bytes; ${LIMITS.userDataMaxBytes} are allowed`);
  return text;
}

export const toFileEntry = (path: string, permissions: string, content: string) => ({
  path,
  owner: "root:root",
  permissions,
  content,
});

/** YAML readers disagree on line breaks outside ASCII; JSON can say them without. */
function ascii(json: string): string {
  return json.replaceAll(/[^\n\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
