import { patchProject } from "@samovar/contracts";
import { expect, it } from "vitest";
import { readProjectForm } from "./read-project-form.ts";

const form = (fields: Record<string, string>) => ({ get: (name: string) => fields[name] ?? null });

it("reads empty fields as the installation's own choice", () => {
  const read = readProjectForm(form({ name: " Tea ", repoUrl: "https://git.test/tea.git" }));
  expect(patchProject.parse(read)).toEqual({
    name: "Tea",
    repoUrl: "https://git.test/tea.git",
    baseBranch: null,
    defaultVmSize: null,
    defaultAgent: null,
    runtime: null,
    commitIdentity: null,
    checkout: { submodules: false, lfs: false, hooks: false },
  });
});

it("reads what is set, and leaves half an author for the schema to refuse", () => {
  const read = readProjectForm(
    form({ name: "T", repoUrl: "/r", commitName: "A", defaultVmSize: "large", runtime: "docker", lfs: "on" }),
  );
  expect(read).toMatchObject({ defaultVmSize: "large", runtime: "docker", checkout: { lfs: true, hooks: false } });
  expect(patchProject.safeParse(read).error?.issues[0]?.path).toEqual(["commitIdentity", "email"]);
});
