/** For tests: the part of GitHub that opens pull requests, behind the runtime's own `fetch`, with answers that a test can put in the way. */
import { vi } from "vitest";

const API = "https://api.github.com";
export const GITHUB_TOKEN = "ghp_TheTokenOfTheTests0123456789";

export interface ScriptedPullRequest {
  readonly number: number;
  readonly html_url: string;
  readonly title: string;
  readonly body: string;
  readonly head: string;
  readonly base: string;
}

/** What becomes of the next call of a kind: refused, not answered, or done with its answer lost. */
export type GitHubFaultPlan =
  | { readonly status: number; readonly message: string; readonly headers?: Record<string, string> }
  | { readonly movedTo: string }
  | "no_answer"
  | "answer_lost"
  | "nonsense";

export interface ScriptedGitHub {
  readonly pullRequests: ScriptedPullRequest[];
  /** As `POST /repos/acme/kettle/pulls`, without queries. */
  readonly calls: string[];
  /** The next calls of this method meet these, in order. */
  put(method: "GET" | "POST", ...faults: GitHubFaultPlan[]): void;
}

/** As GitHub answers for a repository that was renamed. */
const moved = (location: string): Response => new Response("{}", { status: 301, headers: { location } });

/** One repository, `acme/kettle`, once named `acme/pot`. All other addresses go where they went before. */
export function scriptedGitHub(): ScriptedGitHub {
  const pullRequests: ScriptedPullRequest[] = [];
  const calls: string[] = [];
  const faults = { GET: [] as GitHubFaultPlan[], POST: [] as GitHubFaultPlan[] };
  const elsewhere = globalThis.fetch;

  function carryOut(method: string, url: URL, body: string): Response {
    if (url.pathname === "/repos/acme/pot") return moved(`${API}/repositories/7`);
    if (["/repos/acme/kettle", "/repositories/7"].includes(url.pathname))
      return Response.json({ name: "kettle", owner: { login: "acme" }, default_branch: "trunk", private: true });
    if (url.pathname !== "/repos/acme/kettle/pulls") return said(404, "Not Found");
    if (method === "GET")
      return Response.json(pullRequests.filter(({ head }) => url.searchParams.get("head") === `acme:${head}`));
    const wanted: Omit<ScriptedPullRequest, "number" | "html_url"> = JSON.parse(body);
    if (pullRequests.some(({ head, base }) => head === wanted.head && base === wanted.base))
      return said(422, "Validation Failed", [`A pull request already exists for acme:${wanted.head}.`]);
    if (wanted.base === wanted.head) return said(422, "Validation Failed", ["No commits between the two"]);
    const number = pullRequests.length + 1;
    const made = { ...wanted, number, html_url: `https://github.com/acme/kettle/pull/${number}` };
    pullRequests.push(made);
    return Response.json(made, { status: 201 });
  }

  vi.stubGlobal("fetch", async (input: string, init: RequestInit = {}) => {
    if (!String(input).startsWith(API)) return elsewhere(input, init);
    const request = new Request(input, init);
    const url = new URL(request.url);
    calls.push(`${request.method} ${url.pathname}`);
    if (request.headers.get("authorization") !== `Bearer ${GITHUB_TOKEN}`) return said(401, "Bad credentials");
    const fault = faults[request.method === "POST" ? "POST" : "GET"].shift();
    if (fault === "no_answer") throw new Error(`connection reset, by the way: ${GITHUB_TOKEN}`);
    if (fault === "nonsense") return new Response("<html>", { status: 200 });
    if (typeof fault === "object" && "movedTo" in fault) return moved(fault.movedTo);
    if (fault !== undefined && fault !== "answer_lost") return said(fault.status, fault.message, [], fault.headers);
    const answer = carryOut(request.method, url, await request.text());
    if (fault === "answer_lost") throw new Error("connection reset");
    return answer;
  });

  return { pullRequests, calls, put: (method, ...plans) => void faults[method].push(...plans) };
}

const said = (status: number, message: string, reasons: readonly string[] = [], headers: Record<string, string> = {}) =>
  Response.json({ message, errors: reasons.map((reason) => ({ message: reason })) }, { status, headers });
