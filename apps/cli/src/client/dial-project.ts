/** Opens a WebSocket to a project with an API token, for the socket of `@samovar/client`. */
import type { ProjectId } from "@samovar/base";
import type { ProjectSocketOptions, WebSocketLike } from "@samovar/client/project-socket";
import { WebSocket } from "ws";
import type { Endpoint } from "./http.ts";

const MAX_FRAME_BYTES = 16 * 1024 * 1024;

/** Short, because the control plane is usually local and a command should reconnect as soon as it is back. */
export const SOCKET_PACE = {
  dialTimeoutMs: 10_000,
  pauses: { initialMs: 200, maxMs: 5_000 },
} satisfies Partial<ProjectSocketOptions>;

/**
 * Calls `endpoint` before each dial, because a restarted Samovar may have another address. Null: none is running now.
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
    // The `close` event that follows is handled by the socket's owner.
    socket.on("error", () => {});
    return {
      addEventListener: socket.addEventListener.bind(socket),
      send: (data) => socket.send(data),
      // Without the closing handshake: there is no reason to wait for the other side.
      close: () => socket.terminate(),
    };
  };
}
