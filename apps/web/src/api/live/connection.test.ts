import { describe, expect, it } from "vitest";
import { getConnectionStatus, enterState, OFFLINE_AFTER_MS, RECONNECTING_AFTER_MS, unconnected } from "./connection.ts";

const opened = enterState(enterState(unconnected, "connecting", 1_000), "open", 1_100);
const lost = enterState(enterState(opened, "waiting", 5_000), "connecting", 5_300);

describe("the connection's word", () => {
  it("says nothing of a short break", () => {
    expect(getConnectionStatus(lost, true, 5_000 + RECONNECTING_AFTER_MS - 1)).toBe("live");
  });

  it("says that it reconnects after two seconds, however often it dials", () => {
    expect(getConnectionStatus(lost, true, 5_000 + RECONNECTING_AFTER_MS)).toBe("reconnecting");
    const again = enterState(lost, "waiting", 8_000);
    expect(getConnectionStatus(again, true, 5_000 + OFFLINE_AFTER_MS)).toBe("offline");
  });

  it("remembers when it last had everything", () => {
    expect(lost.lastOpenAt).toBe(5_000);
  });

  it("distinguishes a first connection from a broken one", () => {
    const first = enterState(unconnected, "connecting", 1_000);
    expect(getConnectionStatus(first, true, 3_500)).toBe("connecting");
  });

  it("counts an ended access as a break, until it is known what follows", () => {
    const ended = enterState(opened, "ended", 5_000);
    expect(getConnectionStatus(ended, true, 5_000 + OFFLINE_AFTER_MS)).toBe("offline");
  });

  it("believes the browser that it is offline", () => {
    expect(getConnectionStatus(lost, false, 5_001)).toBe("offline");
  });

  it("is live again at once", () => {
    expect(getConnectionStatus(enterState(lost, "open", 30_000), true, 30_000)).toBe("live");
  });
});
