import { expect, test } from "vitest";
import { addGroup, moveHome } from "./account.ts";

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

test("adds a user that the list does not have, and its group; leaves lines of another form", () => {
  expect(moveHome(PASSWD, 4711, "/home/agent")).toBe(`${PASSWD}agent:x:4711:4711::/home/agent:/bin/sh\n`);
  expect(moveHome("+::::::\n# 0\nx:x:0\n", 0, "/home/agent")).toBe("+::::::\n# 0\nx:x:0\n");
  expect(addGroup("root:x:0:\nann:x:1000:\n", 1000)).toBe("root:x:0:\nann:x:1000:\n");
  expect(addGroup("root:x:0:", 4711)).toBe("root:x:0:\nagent:x:4711:\n");
});
