import { expect, test } from "vitest";
import { waitPatiently } from "./patience.ts";

const wholeCore = () => 1;

test("a wait ends with what was looked for", async () => {
  let looks = 0;
  const look = () => {
    looks++;
    if (looks < 3) throw new Error("not yet");
    return looks;
  };
  expect(await waitPatiently(look, wholeCore, { interval: 1 })).toBe(3);
});

test("a wait in vain fails with what was seen", async () => {
  const look = () => expect("queued").toBe("completed");
  await expect(waitPatiently(look, wholeCore, { timeout: 20, interval: 1 })).rejects.toThrow(
    /waited 20 ms in vain: .*queued.*completed/,
  );
});

test("what comes on is waited for longer than the patience without news", async () => {
  let looks = 0;
  const look = () => {
    looks++;
    if (looks < 40) throw new Error(`step ${looks}`);
    return looks;
  };
  expect(await waitPatiently(look, wholeCore, { timeout: 50, interval: 5 })).toBe(40);
});

test("with a tenth of a core the patience lasts ten times as long", async () => {
  const looks = async (share: number) => {
    let count = 0;
    const look = () => {
      count++;
      throw new Error("never");
    };
    await waitPatiently(look, () => share, { timeout: 30, interval: 1 }).catch(() => undefined);
    return count;
  };
  expect(await looks(0.1)).toBeGreaterThan(3 * (await looks(1)));
});
