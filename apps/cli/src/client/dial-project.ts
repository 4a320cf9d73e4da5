/** Begins a WebSocket connection to a project with an API token, for the socket of `@samovar/client`. */
import type { ProjectId } from "@samovar/base";
import type { ProjectSocketOptions, WebSocketLike } from "@samovar/client/project-socket";
import { WebSocket } from "ws";
import type { Endpoint } from "./http.ts";

const MAX_FRAME_BYTES = 16 * 1024 * 1024;

/** The control plane is near, and a command that follows a task should go on as soon as it is back. */
export const SOCKET_PACE = {
  dialTimeoutMs: 10_000,
  pauses: { initialMs: 200, maxMs: 5_000 },
} satisfies Partial<ProjectSocketOptions>;

/**
 * `endpoint` is asked before each dial: a Samovar that was started again may be elsewhere. Null: none is running now.
 */
export function dialProject(projectId: ProjectId, endpoint: () => Promise<Endpoint | null>) {
  return async (): Promise<WebSocketLike | null> => {
    const found = await endpoint();
    if (found === null) return null;
    const url = new URL(`/api/projects/${projectId}/ws`, found.url);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, {
      headers: { authorization: `Bearer ${found.token}` },
      maxPayload: MAX_FRAME_BYTES,
    });
    // `close` follows and does the rest.
    socket.on("error", () => {});
    return {
      addEventListener: socket.addEventListener.bind(socket),
      send: (data) => socket.send(data),
      // At once: nobody waits for the other side to agree.
      close: () => socket.terminate(),
    };
  };
}
