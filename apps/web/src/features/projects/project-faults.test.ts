import { createProject } from "@samovar/contracts";
import { expect, it } from "vitest";
import { ApiError } from "../../api/client.ts";
import { getFaults, refusedField } from "./project-faults.ts";

const refusal = (message: string, details = {}) => new ApiError("invalid_request", message, "req_1", details);

it("says at each field what its schema says", () => {
  const checked = createProject.safeParse({ name: "", repoUrl: "ext::sh -c x" });
  expect(getFaults(checked.error?.issues ?? [])).toEqual({
    name: "give the project a name",
    repoUrl: "use an https:// address, git@host:path, ssh://…, or an absolute path",
  });
});

it("finds the field of the server's refusal", () => {
  expect(refusedField(refusal("…", { issues: [{ path: "repoUrl", message: "no such repository" }] }))).toEqual({
    repoUrl: "no such repository",
  });
  expect(refusedField(refusal("…", { issues: [{ path: ["name"], message: "taken" }] }))).toEqual({ name: "taken" });
  expect(refusedField(refusal("There is none.", { field: "repoUrl" }))).toEqual({ repoUrl: "There is none." });
  expect(refusedField(refusal("repoUrl: a path works only on your own machine."))).toEqual({
    repoUrl: "a path works only on your own machine.",
  });
});

it("leaves what speaks of no field to the form", () => {
  expect(refusedField(refusal("Too many projects."))).toEqual({});
  expect(refusedField(new TypeError("x"))).toEqual({});
});
