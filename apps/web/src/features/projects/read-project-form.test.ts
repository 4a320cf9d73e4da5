import { patchProject } from "@samovar/contracts";
import { expect, it } from "vitest";
import { nameHosts, readProjectForm } from "./read-project-form.ts";

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
    egress: { mode: "open", hosts: [] },
    repositorySettings: "ignored",
  });
});

it("reads what is set, and leaves half an author for the schema to refuse", () => {
  const read = readProjectForm(
    form({ name: "T", repoUrl: "/r", commitName: "A", defaultVmSize: "large", runtime: "docker", lfs: "on" }),
  );
  expect(read).toMatchObject({ defaultVmSize: "large", runtime: "docker", checkout: { lfs: true, hooks: false } });
  expect(patchProject.safeParse(read).error?.issues[0]?.path).toEqual(["commitIdentity", "email"]);
});

it("[R49] [R50] reads the hosts that are allowed, each once, and whether the repository's settings are used", () => {
  const egressHosts = " Registry.example.com\n*.example.org, 10.0.0.7:5432\n\nregistry.example.com ";
  const read = readProjectForm(
    form({ name: "T", repoUrl: "/r", egressMode: "allow-list", egressHosts, repositorySettings: "on" }),
  );
  const hosts = ["registry.example.com", "*.example.org", "10.0.0.7:5432"];
  expect(patchProject.parse(read)).toMatchObject({
    egress: { mode: "allow-list", hosts },
    repositorySettings: "used",
  });
});

it("[R50] names the host that is none", () => {
  const read = readProjectForm(
    form({ name: "T", repoUrl: "/r", egressMode: "allow-list", egressHosts: "a.example\nhttps://b.example" }),
  );
  const { error } = patchProject.safeParse(read);
  expect(nameHosts(error?.issues ?? [], read).map(({ message }) => message)).toEqual([
    expect.stringContaining("https://b.example: use a host name"),
  ]);
});
