/** What happens to a text between the press of a button and the server's answer. */
import { describe, expect, it } from "vitest";
import { ApiError } from "../../api/client.ts";
import { openStoredText } from "../../lib/stored-text.ts";
import { createSubmissions, type SubmissionDeps } from "./submissions.ts";
import { aProject, aTask } from "../../api/views.testing.ts";

const KEY = "7a1f3c1e-6a3b-4b1e-9c57-0d6f2f3b8a11";

/** A browser's storage that outlives a page. */
function storage() {
  const items = new Map<string, string>();
  return {
    getItem: (name: string) => items.get(name) ?? null,
    setItem: (name: string, text: string) => void items.set(name, text),
    removeItem: (name: string) => void items.delete(name),
  };
}

function page(send: SubmissionDeps["send"], kept = storage()) {
  const store = createSubmissions({ send, kept: openStoredText("submissions", () => kept) });
  return { store, kept, ...store.getState() };
}

const never = () => new Promise<never>(() => {});

describe("a submission", () => {
  it("is gone once the server has it", async () => {
    const task = aTask();
    const { store, submit } = page(() => Promise.resolve(task));
    const answer = submit(aProject, { description: "Boil", run: true }, KEY);
    expect(store.getState().pending).toMatchObject([{ key: KEY, state: "sending" }]);
    expect(await answer).toBe(task);
    expect(store.getState().pending).toEqual([]);
  });

  it("that failed keeps its text and says why, and where to put it right", async () => {
    const refused = new ApiError("credentials_missing", "No key.", "req_1", { settingsPath: "/settings/credentials" });
    const { store, submit } = page(() => Promise.reject(refused));
    expect(await submit(aProject, { description: "Boil" }, KEY)).toBeNull();
    expect(store.getState().pending).toMatchObject([
      {
        state: "failed",
        task: { description: "Boil" },
        error: {
          code: "credentials_missing",
          message: "No key.",
          requestId: "req_1",
          settings: "/settings/credentials",
        },
      },
    ]);
  });

  it("[F45] is tried again with the same key and the very same request, even by another page", async () => {
    const sent: string[] = [];
    const failing: SubmissionDeps["send"] = (...request) => {
      sent.push(JSON.stringify(request));
      return Promise.reject(new ApiError("unreachable", "No answer."));
    };
    const first = page(failing);
    await first.submit(aProject, { run: true, description: "  Boil ", agent: null, vmSize: "small" }, KEY);
    await first.retry(KEY);
    const second = page(failing, first.kept);
    expect(second.store.getState().pending).toMatchObject([{ key: KEY, state: "unknown" }]);
    await second.retry(KEY);
    expect(sent).toHaveLength(3);
    expect(new Set(sent).size).toBe(1);
  });

  it("is not sent twice at a time", async () => {
    let calls = 0;
    const { submit, retry } = page(() => {
      calls += 1;
      return never();
    });
    void submit(aProject, { description: "Boil" }, KEY);
    expect(await retry(KEY)).toBeNull();
    expect(calls).toBe(1);
  });

  it("can be dropped, and stays dropped", () => {
    const { store, submit, drop, kept } = page(never);
    void submit(aProject, { description: "Boil" }, KEY);
    drop(KEY);
    expect(store.getState().pending).toEqual([]);
    expect(page(never, kept).store.getState().pending).toEqual([]);
  });

  it.each(["", "null", "{}", "[1]", '[{"key":"k","project":"x","task":{}}]', "not json"])(
    "is not read from %j",
    (text) => {
      const kept = storage();
      kept.setItem("submissions", text);
      expect(page(never, kept).store.getState().pending).toEqual([]);
    },
  );

  it("lives in the page where storage is closed to it", async () => {
    const closed = openStoredText("submissions", () => {
      throw new Error("forbidden");
    });
    const store = createSubmissions({ send: () => Promise.reject(new ApiError("unreachable", "")), kept: closed });
    await store.getState().submit(aProject, { description: "Boil" }, KEY);
    expect(store.getState().pending).toHaveLength(1);
  });
});
