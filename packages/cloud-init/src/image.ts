/**
 * The user data of a server that becomes the image of nodes: the steps of a first boot that do not depend on the installation,
 * so that a node's own first boot finds their results and skips them. It holds no secret.
 */
import { stringify } from "yaml";
import { INSTALL_SCRIPT } from "./install-script.ts";
import { PATHS, TOOLS, toFileEntry } from "./render.ts";

/** Powers off when everything is installed; a server that stays on has failed, and its console says why. */
export function renderImageUserData(): string {
  const config = {
    ssh_pwauth: false,
    package_update: false,
    package_upgrade: false,
    write_files: [toFileEntry(PATHS.installScript, "0755", INSTALL_SCRIPT)],
    runcmd: [
      [
        "sh",
        "-c",
        `set -e; ${IMAGE_STEPS.map((words) => ["sh", PATHS.installScript, ...words].join(" ")).join("; ")}; poweroff`,
      ],
    ],
  };
  return `#cloud-config\n${stringify(config, { version: "1.1", lineWidth: 0 })}`;
}

export const IMAGE_STEPS: readonly (readonly string[])[] = [
  ["system"],
  ["tools", "curl", ...TOOLS],
  ["node"],
  ["clean"],
];
