import { PassThrough, type Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { Channels } from "./channels.ts";

/** Two ends over pipes in memory. */
function connectEnds() {
  const [down, up] = [new PassThrough(), new PassThrough()];
  const messages: unknown[] = [];
  const closed: string[] = [];
  const make = (input: PassThrough, output: PassThrough) =>
    new Channels({
      input,
      output,
      onMessage: (message) => messages.push(message),
      onClosed: (reason) => closed.push(reason),
    });
  return { host: make(up, down), container: make(down, up), down, up, messages, closed };
}

/** Leaves the other direction of the stream alone. */
async function readAll(stream: Readable): Promise<string> {
  let all = "";
  stream.on("data", (bytes: Buffer) => (all += bytes.toString()));
  await new Promise((resolve) => stream.once("end", resolve));
  return all;
}

test("carries streams both ways, whole and in order, whatever is written before the other end accepts", async () => {
  const { host, container } = connectEnds();
  const asked = host.open(4);
  const question = "tea? ".repeat(200_000);
  asked.end(question);
  const answering = container.accept(4);
  const received = readAll(answering);
  answering.end("milk");
  expect(await readAll(asked)).toBe("milk");
  expect((await received) === question).toBe(true);
});

test("a stream that is not read holds back its sender, and no other stream", async () => {
  const { host, container } = connectEnds();
  const [slow, fast] = [host.open(4), host.open(8)];
  const [slowEnd, fastEnd] = [container.accept(4), container.accept(8)];
  const hasDrained = slow.write(Buffer.alloc(4 * 1024 * 1024));
  fast.end("through");
  expect(await text(fastEnd)).toBe("through");
  expect(hasDrained).toBe(false);
  expect(slow.writableLength).toBeGreaterThan(3 * 1024 * 1024);
  slow.end();
  expect((await text(slowEnd)).length).toBe(4 * 1024 * 1024);
});

test("[security 37] an end that breaks the rules is cut off, and its streams end", async () => {
  const header = (kind: number, id: number, length: number) => {
    const frame = Buffer.alloc(9);
    frame.writeUInt8(kind, 0);
    frame.writeUInt32BE(id, 1);
    frame.writeUInt32BE(length, 5);
    return frame;
  };
  const faults: readonly (readonly [Buffer, string])[] = [
    [header(1, 4, 70_000), "a frame was too long"],
    [header(0, 0, 64 * 1024 * 1024), "a frame was too long"],
    [Buffer.concat([header(0, 0, 1), Buffer.from("{")]), "a message was not JSON"],
    [
      Buffer.concat(Array.from({ length: 10 }, () => Buffer.concat([header(1, 4, 60_000), Buffer.alloc(60_000)]))),
      "a stream exceeded its window",
    ],
  ];
  for (const [bytes, reason] of faults) {
    const { host, up, closed } = connectEnds();
    const stream = host.open(4);
    // Not read, so that its window fills.
    stream.pause();
    up.write(bytes);
    await new Promise((resolve) => setImmediate(resolve));
    expect(closed).toEqual([reason]);
    await text(stream);
  }
});

test("gives an end to every stream when the connection is gone", async () => {
  const { host, container, up, closed } = connectEnds();
  const asked = host.open(4);
  container.accept(4).write("half");
  await new Promise((resolve) => setImmediate(resolve));
  up.end();
  expect(await text(asked)).toBe("half");
  expect(closed).toContain("the connection was closed");
  expect(await text(host.open(8))).toBe("");
});

test("refuses more streams than a session needs", () => {
  const { host } = connectEnds();
  expect(() => Array.from({ length: 1000 }, (_none, id) => host.open(id * 2))).toThrow(/cannot be opened/);
  expect(() => host.open(2)).toThrow(/cannot be opened/);
});
