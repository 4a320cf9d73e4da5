/** A node that delivers and retries, a viewer that reconnects, and an object that is evicted at any moment: in the end all three agree. */
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { MessageId } from "@samovar/base";
import { idSource, systemClock, systemRandom } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import type { DeliveredMessage, WorkspaceClaims } from "@samovar/contracts";
import { viewerEvent } from "@samovar/contracts";
import { applyEvent, emptyTranscript, isTranscriptEvent, subscription } from "@samovar/domain/transcript";
import { hashMessage, digestTranscript } from "@samovar/domain/transcript-digest";
import * as fc from "fast-check";
import { expect, test, vi } from "vitest";
import { ACCESS_HEADER } from "./rpc.ts";

const ids = idSource(systemClock, systemRandom);
interface Said {
  readonly messageId: MessageId;
  content: string;
  revision: number;
  final: boolean;
  ackedLength: number;
  ackedRevision: number;
}

const steps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant("speak" as const), text: fc.string({ unit: "grapheme", maxLength: 8 }) }),
    },
    { weight: 2, arbitrary: fc.constant({ do: "next message" } as const) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("deliver" as const), replyLost: fc.boolean() }) },
    { weight: 1, arbitrary: fc.constant({ do: "evict" } as const) },
    { weight: 1, arbitrary: fc.constant({ do: "cut the viewer" } as const) },
  ),
  { minLength: 5, maxLength: 40 },
);

/** One node's session in a separate object. */
async function session() {
  const [projectId, sessionId] = [ids.make("prj"), ids.make("ses")];
  const stub = env.PROJECT_DATA.getByName(projectId);
  await stub.createSession({ projectId, sessionId, taskId: null, firstMessage: null });
  const claims: WorkspaceClaims = {
    workspace: ids.make("wsp"),
    project: projectId,
    session: sessionId,
    node: ids.make("nod"),
    epoch: 1,
  };
  const said: Said[] = [];

  const rowOf = (message: Said, index: number): DeliveredMessage => ({
    messageId: message.messageId,
    sessionId,
    seq: index + 1,
    role: "assistant",
    kind: "text",
    revision: message.revision,
    body: { mode: "append", offset: message.ackedLength, text: message.content.slice(message.ackedLength) },
    toolMetadata: null,
    final: message.final,
    interrupted: false,
    truncated: null,
    timestamp: new Date().toISOString(),
  });

  const deliver = async (replyLost: boolean) => {
    const rows = said.map(rowOf).filter((row, index) => row.revision > (said[index]?.ackedRevision ?? 0));
    if (rows.length === 0) return;
    const { results } = await stub.deliver(claims, rows);
    if (replyLost) return;
    for (const { messageId, outcome, length = 0, revision = 0 } of results) {
      expect(["stored", "duplicate", "behind"]).toContain(outcome);
      const message = said.find((each) => each.messageId === messageId);
      if (message === undefined) continue;
      message.ackedLength = length;
      if (outcome !== "behind") message.ackedRevision = revision;
    }
  };

  /** A page that keeps its transcript across sockets; each text must be one that was sent. */
  let view = emptyTranscript(sessionId);
  let current: WebSocket | null = null;
  const leave = () => {
    const socket = current;
    current = null;
    socket?.close();
  };
  const watch = async () => {
    leave();
    const { webSocket: socket } = await stub.fetch("https://project-data/viewers", {
      headers: { upgrade: "websocket", [ACCESS_HEADER]: JSON.stringify({ id: ids.make("tok"), expiresAt: null }) },
    });
    if (socket === null) throw new Error("no socket");
    current = socket;
    socket.addEventListener("message", ({ data }) => {
      const event = viewerEvent.parse(JSON.parse(String(data)));
      if (socket !== current || !isTranscriptEvent(event)) return;
      const { outcome, transcript } = applyEvent(view, event);
      expect(outcome).not.toBe("resync");
      view = transcript;
    });
    socket.accept();
    socket.send(JSON.stringify(subscription(view)));
  };
  return { stub, sessionId, said, deliver, watch, view: () => view, leave };
}

test("[R3] [R4] [R27] [F4] [F9] [F43] whatever is lost, evicted or cut: sent = stored = seen, and the digests agree", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const { stub, sessionId, said, deliver, watch, view, leave } = await session();
      await watch();
      for (const step of script) {
        const current = said.at(-1);
        switch (step.do) {
          case "next message":
            if (current !== undefined) Object.assign(current, { final: true, revision: current.revision + 1 });
            said.push({
              messageId: ids.messageId(),
              content: "",
              revision: 1,
              final: false,
              ackedLength: 0,
              ackedRevision: 0,
            });
            break;
          case "speak":
            if (current !== undefined)
              Object.assign(current, { content: current.content + step.text, revision: current.revision + 1 });
            break;
          case "deliver":
            await deliver(step.replyLost);
            break;
          case "evict":
            // Only what runs can be evicted, and it may be asleep since the last time.
            await stub.getSession(sessionId);
            await evictDurableObject(stub);
            break;
          case "cut the viewer":
            await watch();
            break;
        }
      }
      const last = said.at(-1);
      if (last !== undefined) Object.assign(last, { final: true, revision: last.revision + 1 });
      for (let round = 0; said.some(({ ackedRevision, revision }) => ackedRevision < revision); round++) {
        expect(round).toBeLessThan(10);
        await deliver(false);
      }
      const stored = await stub.listMessages(sessionId, { limit: 200 });
      expect(stored?.messages.map(({ messageId, content, final }) => ({ messageId, content, final }))).toEqual(
        said.map(({ messageId, content, final }) => ({ messageId, content, final })),
      );
      await vi.waitFor(() => expect(view().version).toBe(stored?.session.version));
      expect(view().messages).toEqual(stored?.messages);
      const leaves = said.map(({ messageId, content }) =>
        hashMessage(
          {
            messageId,
            role: "assistant",
            kind: "text",
            content,
            toolMetadata: null,
            interrupted: false,
            truncated: null,
          },
          sha256,
        ),
      );
      expect(await stub.verify(sessionId, digestTranscript(leaves, sha256))).toMatchObject({ agreed: true });
      leave();
    }),
    { numRuns: 40 },
  );
});
