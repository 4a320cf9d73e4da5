/**
 * Set-up of every suite: what a test waits for may come late on a machine that does much else, and vitest's own second
 * would be over before. A wait ends as soon as it can, so patience costs nothing where all is well.
 */
import { vi } from "vitest";

const PATIENCE_MS = 120_000;
const waitFor = vi.waitFor.bind(vi);

vi.waitFor = (callback, options) =>
  waitFor(callback, typeof options === "number" ? options : { timeout: PATIENCE_MS, ...options });
