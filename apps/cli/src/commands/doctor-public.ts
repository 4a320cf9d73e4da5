/** `samovar doctor --public`: checks the public address as others reach it, through the proxy, with a hint for each fault. */
import { lookup } from "node:dns/promises";
import type { IncomingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { connect } from "node:tls";
import { type Clock, errorMessage, isPublicHost, parseJson } from "@samovar/base";
import { readInstance } from "../instance.ts";
import { findSamovar } from "../client/connect.ts";
import { CliError } from "../client/errors.ts";
import type { CommandContext } from "./context.ts";
import { type Finding, makeFinding } from "./finding.ts";

const TIMEOUT_MS = 10_000;
/** Proxies renew a certificate when a third of its lifetime is left. */
const LATE_PART = 1 / 6;
/** Tokens have a clock tolerance of seconds; a page shows times to the second. */
const MAX_CLOCK_DIFFERENCE_MS = 30_000;
const PROXY_HINT = "Compare the proxy's settings with deploy/Caddyfile.";

/** `address`: null takes that of the running Samovar. Throws {@link CliError} when there is none. */
export async function checkPublic(address: string | null, context: CommandContext): Promise<Finding[]> {
  const url = parseAddress(address ?? context.remote?.url ?? (await readInstance(context.dataDir))?.publicUrl ?? null);
  const reachable = [await checkDns(url.hostname), await checkTls(url, context.clock)];
  if (reachable.some(({ state }) => state === "fault")) return reachable;
  const health = await checkHealth(url, context.clock);
  if (health.some(({ state }) => state === "fault")) return [...reachable, ...health];
  return [
    ...reachable,
    ...health,
    await checkTools(url),
    ...(address === null ? [await checkWebSocket(url, context)] : []),
  ];
}

function parseAddress(text: string | null): URL {
  if (text === null)
    throw new CliError(
      "This Samovar has no public address.",
      "Start it with --public-url https://…, or name one: samovar doctor --public https://…",
    );
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== "https:") throw new CliError(`${text.slice(0, 200)} is no https address.`);
  return url;
}

async function checkDns(hostname: string): Promise<Finding> {
  const what = "Name";
  const host = hostname.replace(/^\[|\]$/g, "");
  try {
    const addresses = (await lookup(host, { all: true })).map((found) => found.address);
    const detail = `${host} has the address ${addresses.join(", ")}`;
    const isPublic = addresses.some((found) => isPublicHost(isIP(found) === 6 ? `[${found}]` : found));
    const hint = "Nodes at a provider cannot reach a private address: point the name at this server's public one.";
    return makeFinding(what, isPublic ? "ok" : "warning", detail, isPublic ? null : hint);
  } catch (error) {
    const hint = `Add an A or AAAA record for ${host} at your DNS provider, then wait until it is served.`;
    return makeFinding(what, "fault", `${host} is not found: ${errorMessage(error)}`, hint);
  }
}

function checkTls(url: URL, clock: Clock): Promise<Finding> {
  const what = "TLS";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port || "443");
  return new Promise((resolve) => {
    const name = isIP(host) === 0 ? { servername: host } : {};
    // The certificate is judged below, so that the finding can say what is wrong with it.
    const socket = connect({ host, port, ...name, rejectUnauthorized: false, timeout: TIMEOUT_MS }, () => {
      const { valid_from: begin, valid_to: end } = socket.getPeerCertificate();
      const lifetime = { begin: Date.parse(begin), end: Date.parse(end), now: clock.now() };
      resolve(judgeCertificate(socket.authorized ? null : String(socket.authorizationError), lifetime));
      socket.destroy();
    });
    const fail = (reason: string) => {
      const hint = `Start the proxy on this server, and open port ${port} in its firewall.`;
      resolve(makeFinding(what, "fault", `no connection to port ${port}: ${reason}`, hint));
      socket.destroy();
    };
    socket.once("error", (error) => fail(errorMessage(error)));
    socket.once("timeout", () => fail("no answer in ten seconds"));
  });
}

/** `refusal`: why the certificate is not trusted; null when it is. */
export function judgeCertificate(
  refusal: string | null,
  { begin, end, now }: { readonly begin: number; readonly end: number; readonly now: number },
): Finding {
  const what = "TLS";
  if (refusal !== null)
    return makeFinding(
      what,
      "fault",
      `the certificate is not trusted: ${refusal}`,
      "Let the proxy get one from a public authority. For a private authority, set NODE_EXTRA_CA_CERTS here and on nodes.",
    );
  const until = new Date(end).toISOString().slice(0, 16);
  if (end - now < (end - begin) * LATE_PART)
    return makeFinding(what, "warning", `the certificate ends at ${until}Z`, "Check why the proxy does not renew it.");
  return makeFinding(what, "ok", `the certificate is trusted until ${until}Z`, null);
}

async function checkHealth(url: URL, clock: Clock): Promise<Finding[]> {
  const sentAt = clock.now();
  const answer = await ask(url, "/api/health");
  const what = "Proxy";
  if (typeof answer === "string") return [makeFinding(what, "fault", `no answer: ${answer}`, PROXY_HINT)];
  const finding = judgeHealth(answer);
  return finding.state === "fault"
    ? [finding]
    : [finding, judgeClock(Date.parse(String(answer.headers.date)) - (sentAt + clock.now()) / 2)];
}

export function judgeHealth({ status, headers, text }: Answer): Finding {
  const what = "Proxy";
  const isHealthy = status === 200 && JSON.stringify(parseJson(text)) === '{"ok":true}';
  if (isHealthy && headers["strict-transport-security"] !== undefined)
    return makeFinding(what, "ok", "Samovar answers, and demands TLS", null);
  if (isHealthy)
    return makeFinding(
      what,
      "warning",
      "Samovar answers without Strict-Transport-Security",
      "Start it with this address as --public-url, and let the proxy pass its headers on.",
    );
  if (status === 403)
    return makeFinding(
      what,
      "fault",
      "Samovar does not answer to this name",
      "The proxy must keep the Host header, and --public-url must be this address.",
    );
  if (status === 502 || status === 503 || status === 504)
    return makeFinding(
      what,
      "fault",
      `the proxy does not reach Samovar (${status})`,
      "Start `samovar up`, and compare its port with the proxy's.",
    );
  return makeFinding(what, "fault", `an unexpected answer (${status})`, PROXY_HINT);
}

/** `differenceMs`: of the answer's date from this computer's clock; not a number without a date. */
export function judgeClock(differenceMs: number): Finding {
  const what = "Clock";
  if (Number.isNaN(differenceMs)) return makeFinding(what, "warning", "the answer has no date", PROXY_HINT);
  const seconds = Math.round(Math.abs(differenceMs) / 1000);
  if (Math.abs(differenceMs) <= MAX_CLOCK_DIFFERENCE_MS)
    return makeFinding(what, "ok", "the server's and this computer's agree", null);
  return makeFinding(
    what,
    "warning",
    `the server's and this computer's differ by ${seconds} s`,
    "Synchronize both, for example with: timedatectl set-ntp true",
  );
}

/** Requests that only tools around workerd send, which must not get through. */
async function checkTools(url: URL): Promise<Finding> {
  const what = "Closed parts";
  const header = await ask(url, "/api/health", { "MF-Original-URL": `${url.origin}/api/nothing` });
  const path = await ask(url, "/cdn-cgi/handler/scheduled");
  if (typeof header === "string" || typeof path === "string")
    return makeFinding(what, "warning", "not all requests were answered", "Try again.");
  if (path.status !== 404)
    return makeFinding(what, "fault", `/cdn-cgi/ answers ${path.status}`, `It must be closed. ${PROXY_HINT}`);
  if (header.status === 200) return makeFinding(what, "ok", "MF-* headers are removed, /cdn-cgi/ is closed", null);
  if (header.status === 400)
    return makeFinding(
      what,
      "warning",
      "the proxy passes MF-* headers on; Samovar refuses them",
      `The proxy should remove them. ${PROXY_HINT}`,
    );
  return makeFinding(what, "fault", `an MF-* header changes the answer (${header.status})`, PROXY_HINT);
}

async function checkWebSocket(url: URL, context: CommandContext): Promise<Finding> {
  const what = "WebSocket";
  const client = await findSamovar(context);
  if (client === null) return makeFinding(what, "warning", "not checked: Samovar is not running here", "samovar up");
  try {
    const [project] = await client.projects();
    const path = `/api/projects/${project?.id ?? "prj_00000000000000000000000000"}/ws`;
    const answer = await ask(url, path, {
      authorization: `Bearer ${client.token}`,
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "c2Ftb3ZhciBkb2N0b3IhIQ==",
    });
    return typeof answer === "string"
      ? makeFinding(what, "fault", `no answer: ${answer}`, PROXY_HINT)
      : judgeUpgrade(answer.status, project !== undefined);
  } catch (error) {
    return makeFinding(what, "warning", `not checked: ${errorMessage(error)}`, "Try again.");
  }
}

/** `hasProject`: whether the request was for a project that exists; without one, Samovar refuses it after seeing the upgrade. */
export function judgeUpgrade(status: number, hasProject: boolean): Finding {
  const what = "WebSocket";
  if (status === 101) return makeFinding(what, "ok", "the proxy carries WebSockets", null);
  if (status === 404 && !hasProject)
    return makeFinding(what, "ok", "the proxy passes upgrades on; a project would show more", null);
  const detail = status === 426 ? "the proxy drops the Upgrade header" : `the upgrade was answered with ${status}`;
  return makeFinding(what, "fault", detail, `Nodes and pages connect by WebSocket. ${PROXY_HINT}`);
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

const MAX_CHARS = 10_000;

/** The answer, or why there is none. The certificate must be trusted. */
function ask(url: URL, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer | string> {
  return new Promise((resolve) => {
    const request = httpsRequest(new URL(path, url), { headers, agent: false, timeout: TIMEOUT_MS });
    request.on("upgrade", (response, socket) => {
      socket.destroy();
      resolve({ status: 101, headers: response.headers, text: "" });
    });
    request.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text = (text + part).slice(0, MAX_CHARS)));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    request.on("timeout", () => request.destroy(new Error("no answer in ten seconds")));
    request.on("error", (error) => resolve(errorMessage(error)));
    request.end();
  });
}
