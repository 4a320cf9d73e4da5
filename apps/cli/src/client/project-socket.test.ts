/** The project's socket against a real WebSocket server on loopback. Time is ours: nothing waits for a clock. */
import { once } from "node:events";
import type { ViewerEvent } from "@samovar/contracts";
import { aSessionView, seededRandom } from "@samovar/testing";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { WebSocketServer } from "ws";
import { openProjectSocket, type ProjectSocket } from "./project-socket.ts";

let server: WebSocketServer;
let socket: ProjectSocket;
let due: { readonly delayMs: number; readonly run: () => void } | null = null;
let frames: string[];
let events: ViewerEvent[];
let opened: number;
let downs: number;

beforeEach(async () => {
  [due, frames, events, opened, downs] = [null, [], [], 0, 0];
  server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  server.on("connection", (connection) => connection.on("message", (data) => frames.push(String(data))));
  await once(server, "listening");
  const address = server.address();
  socket = openProjectSocket({
    projectId: aSessionView().projectId,
    endpoint: async () => ({
      url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
      token: "smv_test",
    }),
    onOpen: () => (opened += 1),
    onDown: () => (downs += 1),
    onEvent: (event) => events.push(event),
    timers: {
      after(delayMs, run) {
        const timer = { delayMs, run };
        due = timer;
        return () => {
          if (due === timer) due = null;
        };
      },
    },
    random: seededRandom(1),
  });
  await until(() => expect(opened).toBe(1));
});

afterEach(async () => {
  socket.close();
  for (const connection of server.clients) connection.terminate();
  await new Promise((resolve) => server.close(resolve));
});

const until = (what: () => void) => vi.waitFor(what, { interval: 5 });

function elapse(): number {
  const timer = due;
  if (timer === null) throw new Error("nothing is due");
  due = null;
  timer.run();
  return timer.delayMs;
}

async function hear(): Promise<void> {
  const heard = events.length;
  for (const connection of server.clients) connection.send(JSON.stringify({ type: "pong" }));
  await until(() => expect(events).toHaveLength(heard + 1));
}

it("pings every 25 seconds, whatever it hears", async () => {
  let passed = 0;
  const pingedAt: number[] = [];
  while (passed < 100_000) {
    await hear();
    passed += elapse();
    if (passed % 25_000 !== 0) continue;
    pingedAt.push(passed);
    await until(() => expect(frames).toEqual(pingedAt.map(() => '{"type":"ping"}')));
  }
  expect(pingedAt).toEqual([25_000, 50_000, 75_000, 100_000]);
  expect(downs).toBe(0);
});

it("takes silence after a ping for a broken connection, and dials again", async () => {
  await hear();
  expect([elapse(), elapse()]).toEqual([25_000, 10_000]);
  await until(() => expect(downs).toBe(1));
  elapse();
  await until(() => expect(opened).toBe(2));
});
