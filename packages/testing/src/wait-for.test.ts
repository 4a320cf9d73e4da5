import { expect, test } from "vitest";
import { waitFor } from "./wait-for.ts";

const wholeCore = () => 1;

test("a wait ends when the check passes", async () => {
  let looks = 0;
  const look = () => {
    looks++;
    if (looks < 3) throw new Error("not yet");
    return looks;
  };
  expect(await waitFor(look, wholeCore, { interval: 1 })).toBe(3);
});

test("a wait without progress fails with the last failure", async () => {
  const look = () => expect("queued").toBe("completed");
  await expect(waitFor(look, wholeCore, { timeout: 20, interval: 1 })).rejects.toThrow(
    /no progress for 20 ms: .*queued.*completed/,
  );
});

test("waits longer than the timeout while there is progress", async () => {
  let looks = 0;
  const look = () => {
    looks++;
    if (looks < 40) throw new Error(`step ${looks}`);
    return looks;
  };
  expect(await waitFor(look, wholeCore, { timeout: 50, interval: 5 })).toBe(40);
});

test("with a tenth of a core the timeout lasts ten times as long", async () => {
  const looks = async (share: number) => {
    let count = 0;
    const look = () => {
      count++;
      throw new Error("never");
    };
    await waitFor(look, () => share, { timeout: 30, interval: 1 }).catch(() => undefined);
    return count;
  };
  expect(await looks(0.1)).toBeGreaterThan(3 * (await looks(1)));
});
