/** For tests: a command context that is independent of this machine, and a control plane with the test's answers. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUILT_AT, seededRandom, testTime } from "@samovar/testing";
import { writeInstance } from "../instance.ts";
import { createRecordingTerminal } from "../output/recording.testing.ts";
import type { CommandContext } from "./context.ts";

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

type Answer = (request: Request) => unknown;

/** Keys of `answers` look like `GET /api/me`, without the query. Null becomes 204; a missing answer becomes 404. */
export async function testSamovar(answers: Readonly<Record<string, Answer>>) {
  const dataDir = await mkdtemp(join(tmpdir(), "samovar-cli-"));
  const asked: Request[] = [];
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
    const text = Buffer.concat(chunks).toString("utf8");
    const request = {
      method: incoming.method ?? "",
      path: incoming.url ?? "",
      body: text === "" ? null : (JSON.parse(text) as unknown),
    };
    asked.push(request);
    const answer = answers[`${request.method} ${request.path.split("?")[0]}`]?.(request);
    if (answer instanceof Uint8Array) return response.writeHead(200).end(answer);
    if (answer === null) return response.writeHead(204).end();
    const refusal = {
      error: { code: "not_found", message: "Not found, or you don't have access to it.", requestId: "r" },
    };
    response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
    return response.end(JSON.stringify(answer === undefined ? refusal : answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  await writeInstance(dataDir, {
    version: 1,
    pid: process.pid,
    start: null,
    url,
    publicUrl: null,
    apiToken: "smv_test",
    startedAt: 0,
  });
  return {
    dataDir,
    asked,
    context: (fields: Partial<CommandContext> = {}) => testContext({ dataDir, cwd: dataDir, ...fields }),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export const toPage = (...items: readonly unknown[]) => ({ items, nextCursor: null });

/** Time stands still at the builders' `BUILT_AT`; there is no terminal to prompt on. */
export function testContext(fields: Partial<CommandContext> = {}) {
  const terminal = createRecordingTerminal();
  const time = testTime(BUILT_AT);
  return {
    dataDir: "/nowhere",
    remote: null,
    json: false,
    cwd: "/",
    clock: time,
    timers: time,
    random: seededRandom(1),
    env: {},
    readStdin: async () => "",
    askSecret: async () => null,
    onInterrupt: () => () => {},
    ...fields,
    terminal,
  } satisfies CommandContext;
}
