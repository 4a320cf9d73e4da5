/** Caddy with the settings that Samovar recommends, and a certificate authority of its own, on loopback. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { request } from "node:https";
import { join } from "node:path";
import { vi } from "vitest";

const caddyfile = join(import.meta.dirname, "../../deploy/Caddyfile");

export interface SecureAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface SecureCall {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface Caddy {
  /** The file with the authority's certificate. */
  readonly authority: string;
  /** Sends a request to the public address, and trusts the authority. */
  call(path: string, init?: SecureCall): Promise<SecureAnswer>;
  stop(): Promise<void>;
}

/** Null where Caddy is not installed. `directory`: for its certificates. */
export async function startCaddy(publicUrl: string, upstream: string, directory: string): Promise<Caddy | null> {
  if (!existsSync("/usr/bin/caddy")) return null;
  mkdirSync(directory, { recursive: true });
  const child = spawn("/usr/bin/caddy", ["run", "--adapter", "caddyfile", "--config", caddyfile], {
    env: {
      PATH: "/usr/bin:/bin",
      HOME: directory,
      XDG_DATA_HOME: directory,
      XDG_CONFIG_HOME: directory,
      CADDY_ADMIN: "off",
      // It would redirect from here; with any port of its own, the test leaves port 80 alone.
      CADDY_HTTP_PORT: String(Number(new URL(publicUrl).port) + 1),
      SAMOVAR_PUBLIC_URL: publicUrl,
      SAMOVAR_UPSTREAM: upstream,
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log = (log + text).slice(-4000)));
  const exited = once(child, "exit");
  const authority = join(directory, "caddy/pki/authorities/local/root.crt");
  const call = async (path: string, init?: SecureCall) =>
    send(new URL(path, publicUrl), await readFile(authority), init);
  const answers = async () => {
    if (child.exitCode !== null) return;
    await call("/api/health");
  };
  await vi.waitFor(answers, { interval: 100 });
  if (child.exitCode !== null) throw new Error(`caddy ended with ${child.exitCode}: ${log}`);
  return {
    authority,
    call,
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

function send(url: URL, ca: Buffer, { method = "GET", headers = {}, body }: SecureCall = {}): Promise<SecureAnswer> {
  const json = body === undefined ? {} : { "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    const sent = request(url, { ca, agent: false, method, headers: { ...json, ...headers } });
    sent.on("upgrade", (response, socket) => {
      socket.destroy();
      resolve({ status: 101, headers: response.headers, text: "" });
    });
    // A proxy that agreed to open a tunnel answers so.
    sent.on("connect", (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text: "" });
    });
    sent.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
