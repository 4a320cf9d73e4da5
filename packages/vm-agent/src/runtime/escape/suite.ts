/** All probes, by group, as `docs/security.md` lists them. */
import { FILE_PROBES } from "./files.ts";
import { GIT_PROBES } from "./git.ts";
import { KERNEL_PROBES } from "./kernel.ts";
import { METADATA_PROBES, NETWORK_PROBES } from "./network.ts";
import type { ProbeGroup } from "./probe.ts";
import { PROCESS_PROBES, SURVIVORS } from "./processes.ts";

export const PROBE_GROUPS: readonly ProbeGroup[] = [
  { title: "Files", probes: FILE_PROBES },
  { title: "Processes", probes: PROCESS_PROBES },
  { title: "Survival", probes: SURVIVORS },
  { title: "Kernel", probes: KERNEL_PROBES },
  { title: "Network", probes: [...NETWORK_PROBES, ...METADATA_PROBES] },
  { title: "Git", probes: GIT_PROBES },
];
