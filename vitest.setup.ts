/** Set-up of every suite in Node: one way to wait, with a patience that the machine's load stretches. */
import { vi } from "vitest";
import { coreShare } from "./packages/testing/src/core-share.ts";
import { waitPatiently } from "./packages/testing/src/patience.ts";

vi.waitFor = (look, options) =>
  waitPatiently(look, coreShare, typeof options === "number" ? { timeout: options } : options);
