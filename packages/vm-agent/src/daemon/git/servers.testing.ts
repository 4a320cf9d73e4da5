/** For tests: real git servers on loopback: https with a password, and sshd. */
import type { ChildProcess } from "node:child_process";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Server } from "node:https";
import { createServer } from "node:https";
import { createServer as createSocketServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { makeDirectory } from "./repositories.testing.ts";

/** The purpose of a request to the https server. A push consists of `push-discovery` and `push`. */
export type GitRequest = "read" | "push-discovery" | "push" | "lfs";

export interface HttpsRules {
  /** `private` needs a login for every request, `public-read` only for pushes. */
  access: "public" | "public-read" | "private";
  username: string;
  password: string;
  /** Called before each request; returns an HTTP status to refuse it, or `cut` to drop the connection. */
  before: (request: GitRequest) => number | "cut" | void;
}

export interface GitService {
  /** A directory of the test's own; the server serves `served` in it. */
  readonly base: string;
  readonly server: GitHttpsServer;
  stop(): void;
}

/** A {@link GitHttpsServer} that the vm-agent's git trusts. */
export async function startGitService(): Promise<GitService> {
  const base = makeDirectory();
  const server = await new GitHttpsServer(join(base, "served"), join(base, "tls")).start();
  vi.stubEnv("GIT_SSL_CAINFO", server.caFile);
  return {
    base,
    server,
    stop() {
      server.stop();
      vi.unstubAllEnvs();
      rmSync(base, { recursive: true, force: true });
    },
  };
}

/** `git http-backend` behind TLS, for all bare repositories of a directory. LFS objects are kept in memory. */
export class GitHttpsServer {
  readonly rules: HttpsRules = { access: "public", username: "ada", password: "open-sesame-1815", before: () => {} };
  readonly lfsObjects = new Map<string, Buffer>();
  /** The passwords received, in order. */
  readonly passwords: string[] = [];
  readonly caFile: string;
  #root: string;
  #server: Server;
  host = "";

  constructor(root: string, directory: string) {
    this.#root = root;
    mkdirSync(directory, { recursive: true });
    this.caFile = join(directory, "cert.pem");
    const key = join(directory, "key.pem");
    const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
    execFileSync(
      "openssl",
      ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"].concat(
        subject,
        ["-keyout", key, "-out", this.caFile],
      ),
      { stdio: "ignore" },
    );
    const tls = { key: readFileSync(key), cert: readFileSync(this.caFile) };
    this.#server = createServer(tls, (request, response) => void this.#serve(request, response));
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const address = this.#server.address();
    this.host = `127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`;
    return this;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  url(name: string): string {
    return `https://${this.host}/${name}`;
  }

  login(): { readonly host: string; readonly username: string; readonly password: string } {
    return { host: this.host, username: this.rules.username, password: this.rules.password };
  }

  /** Serves everybody again, and forgets who has come. */
  open(): void {
    Object.assign(this.rules, { access: "public", before: () => {} });
    this.passwords.length = 0;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", `https://${this.host}`);
    const kind = classify(url);
    const refused = this.rules.before(kind);
    if (refused === "cut") return void request.socket.destroy();
    if (refused !== undefined) return void response.writeHead(refused).end();
    if (!this.#isAllowed(kind, request.headers.authorization))
      return void response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
    if (kind === "lfs") return this.#lfs(url, request, response);
    this.#backend(url, request, response);
  }

  #isAllowed(kind: GitRequest, authorization: string | undefined): boolean {
    const { access, username, password } = this.rules;
    const sent = Buffer.from((authorization ?? "").replace(/^Basic /, ""), "base64").toString();
    if (sent !== "") this.passwords.push(sent.slice(sent.indexOf(":") + 1));
    if (access === "public" || (access === "public-read" && kind === "read")) return true;
    return sent === `${username}:${password}`;
  }

  #backend(url: URL, request: IncomingMessage, response: ServerResponse): void {
    const child = spawn("git", ["http-backend"], {
      env: {
        PATH: process.env["PATH"],
        GIT_PROJECT_ROOT: this.#root,
        GIT_HTTP_EXPORT_ALL: "1",
        GIT_CONFIG_NOSYSTEM: "1",
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method ?? "GET",
        REMOTE_ADDR: "127.0.0.1",
        REMOTE_USER: this.rules.username,
        CONTENT_TYPE: request.headers["content-type"] ?? "",
        HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
        HTTP_GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
      },
      stdio: ["pipe", "pipe", "ignore"],
    });
    child.stdin.on("error", () => {});
    request.pipe(child.stdin);
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.on("close", () => writeCgiResponse(Buffer.concat(chunks), response));
  }

  /** The batch API with basic transfers, which git-lfs uses by default. */
  async #lfs(url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const body = Buffer.concat(chunks);
    const oid = /\/lfs-object\/([0-9a-f]{64})$/.exec(url.pathname)?.[1];
    if (oid !== undefined && request.method === "PUT") {
      this.lfsObjects.set(oid, body);
      return void response.writeHead(200).end();
    }
    if (oid !== undefined) return void response.writeHead(200).end(this.lfsObjects.get(oid));
    if (!url.pathname.endsWith("/objects/batch")) return void response.writeHead(404).end("{}");
    const batch: { operation: "upload" | "download"; objects: { oid: string; size: number }[] } = JSON.parse(
      body.toString(),
    );
    const objects = batch.objects.map(({ oid: id, size }) => {
      const href = `https://${this.host}/lfs-object/${id}`;
      const isNeeded = batch.operation === "download" || !this.lfsObjects.has(id);
      return { oid: id, size, ...(isNeeded ? { actions: { [batch.operation]: { href } } } : {}) };
    });
    response
      .writeHead(200, { "content-type": "application/vnd.git-lfs+json" })
      .end(JSON.stringify({ transfer: "basic", objects }));
  }
}

function classify(url: URL): GitRequest {
  if (url.pathname.includes("/info/lfs/") || url.pathname.includes("/lfs-object/")) return "lfs";
  if (url.pathname.endsWith("/git-receive-pack")) return "push";
  return url.searchParams.get("service") === "git-receive-pack" ? "push-discovery" : "read";
}

function writeCgiResponse(output: Buffer, response: ServerResponse): void {
  const end = output.indexOf("\r\n\r\n");
  const headers = output
    .subarray(0, end)
    .toString()
    .split("\r\n")
    .map((line): [string, string] => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
  const status = Number(headers.find(([name]) => name === "Status")?.[1].slice(0, 3) ?? 200);
  response.writeHead(status, Object.fromEntries(headers.filter(([name]) => name !== "Status")));
  response.end(output.subarray(end + 4));
}

/** Debian's sshd on a free port with generated keys, for the user that runs the tests. */
export class SshServer {
  port = 0;
  readonly #directory: string;
  #child: ChildProcess | null = null;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** The ssh command for git, with the generated key and a separate known_hosts file. */
  get command(): string {
    return `ssh -F ${join(this.#directory, "client.conf")}`;
  }

  url(path: string): string {
    return `ssh://127.0.0.1:${this.port}${path}`;
  }

  async start(): Promise<this> {
    const at = (name: string) => join(this.#directory, name);
    for (const name of ["host", "user"])
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", at(name)], { stdio: "ignore" });
    writeFileSync(at("authorized"), readFileSync(at("user.pub")));
    this.port = await findFreePort();
    if (userInfo().uid === 0) mkdirSync("/run/sshd", { recursive: true });
    const server = {
      ListenAddress: `127.0.0.1:${this.port}`,
      HostKey: at("host"),
      AuthorizedKeysFile: at("authorized"),
      PidFile: "none",
      UsePAM: "no",
      StrictModes: "no",
      PasswordAuthentication: "no",
      PermitRootLogin: "prohibit-password",
    };
    const client = {
      BatchMode: "yes",
      StrictHostKeyChecking: "accept-new",
      UserKnownHostsFile: at("known"),
      IdentityFile: at("user"),
      IdentitiesOnly: "yes",
      IdentityAgent: "none",
    };
    writeFileSync(at("server.conf"), formatSettings(server));
    writeFileSync(at("client.conf"), formatSettings(client));
    this.#child = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", at("server.conf")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    await this.#listening(this.#child);
    return this;
  }

  stop(): void {
    this.#child?.kill("SIGTERM");
  }

  #listening(child: ChildProcess): Promise<void> {
    return new Promise((resolve, reject) => {
      let output = "";
      child.stderr?.on("data", (chunk: Buffer) => {
        output += chunk.toString();
        if (output.includes("Server listening")) resolve();
      });
      child.once("exit", () => reject(new Error(`sshd exited: ${output}`)));
    });
  }
}

const formatSettings = (settings: Readonly<Record<string, string>>) =>
  Object.entries(settings)
    .map(([name, value]) => `${name} ${value}\n`)
    .join("");

function findFreePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createSocketServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(address !== null && typeof address === "object" ? address.port : 0));
    });
  });
}
