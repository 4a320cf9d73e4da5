/** Puts a program `pulumi` into a directory, and returns the environment in which it is found first. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ScriptedCloudflare } from "../cloudflare/scripted-cloudflare.ts";

export function installScriptedPulumi(directory: string, { url, account }: ScriptedCloudflare): NodeJS.ProcessEnv {
  mkdirSync(directory);
  const program = join(import.meta.dirname, "scripted-pulumi.ts");
  writeFileSync(join(directory, "pulumi"), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`, {
    mode: 0o755,
  });
  return {
    PATH: `${directory}:${process.env["PATH"]}`,
    CLOUDFLARE_API_BASE_URL: url,
    SCRIPTED_ACCOUNT: account.id,
  };
}
