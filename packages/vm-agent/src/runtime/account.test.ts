import { expect, test } from "vitest";
import { moveHome } from "./account.ts";

const PASSWD = [
  "root:x:0:0:root:/root:/bin/bash",
  "ann:x:1000:1000:Ann,,,:/home/ann:/bin/sh",
  "thousand:x:10:1000::/:/bin/sh",
  "",
].join("\n");

test("changes the home of the sandbox's own user, and nothing else", () => {
  expect(moveHome(PASSWD, 1000, "/home/agent")).toBe(PASSWD.replace("/home/ann", "/home/agent"));
  expect(moveHome(PASSWD, 0, "/home/agent")).toBe(PASSWD.replace("/root", "/home/agent"));
});

test("leaves the list as it is for a user that it does not have, and lines of another form", () => {
  expect(moveHome(PASSWD, 4711, "/home/agent")).toBe(PASSWD);
  expect(moveHome("+::::::\n# 0\nx:x:0\n", 0, "/home/agent")).toBe("+::::::\n# 0\nx:x:0\n");
});
