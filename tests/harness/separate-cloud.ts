/** A provider's cloud as a separate program with its own address: the local cloud, whose servers know nothing of `samovar up`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";

const main = join(import.meta.dirname, "../../packages/local-cloud/src/main.ts");

export interface SeparateCloud {
  readonly url: string;
  readonly token: string;
  listServers(): Promise<readonly { readonly id: number; readonly name: string }[]>;
  /** What a server's vm-agent has logged. */
  readLog(id: number): Promise<string>;
  /** The user data of a server. */
  readUserData(id: number): Promise<string>;
  stop(): Promise<void>;
}

/** `env`: what its servers' programs inherit. */
export async function startSeparateCloud(
  directory: string,
  env: Readonly<Record<string, string>>,
): Promise<SeparateCloud> {
  const token = "token-of-the-separate-cloud";
  const child = spawn(process.execPath, [main, directory], {
    env: {
      PATH: process.env["PATH"] ?? "",
      LOCAL_CLOUD_TOKEN: token,
      LOCAL_CLOUD_SERVICE_ENV: Object.keys(env).join(","),
      ...env,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const [url] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return {
    url,
    token,
    async listServers() {
      const answer = await fetch(`${url}/servers`, { headers: { authorization: `Bearer ${token}` } });
      return ((await answer.json()) as { servers: { id: number; name: string }[] }).servers;
    },
    readLog: (id) => readFile(join(directory, "log", String(id), "samovar-agent.log"), "utf8"),
    readUserData: (id) => readFile(join(directory, "seed", String(id)), "utf8"),
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}
