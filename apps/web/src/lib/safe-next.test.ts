import { expect, it } from "vitest";
import { toSafeNext } from "./safe-next.ts";

const ORIGIN = "http://127.0.0.1:7266";

it.each(["/", "/p/prj_x", "/p/prj_x/s/ses_y?msg=3"])("%s is followed", (next) =>
  expect(toSafeNext(next, ORIGIN)).toBe(next),
);

it.each([
  undefined,
  7,
  "",
  "p/x",
  "//evil.test",
  "/\\evil.test",
  "/\t/evil.test",
  "https://evil.test/",
  "javascript:alert(1)",
  "/sign-in",
  "/sign-in?next=/x",
])("%j leads home", (next) => expect(toSafeNext(next, ORIGIN)).toBe("/"));
