/** Custom agents through the API: definition, secrets, use by tasks, deletion. */
import { env } from "cloudflare:workers";
import { agentDetail, agentView, BUILT_IN_AGENTS, errorBody, page, projectView, taskView } from "@samovar/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { controlPlane, ids, anotherUser } from "../../test/caller.ts";
import { getRecipe } from "./recipe.ts";

const { ask, deps } = controlPlane();
const PACKAGE = {
  from: "npm",
  package: { name: "@acme/acp", version: "1.2.3", bin: "acme" },
  args: ["--acp"],
} as const;
const GOOSE = { kind: "goose", name: "Goose", program: { from: "path", command: "goose", args: ["acp"] } } as const;
let me: Awaited<ReturnType<typeof anotherUser>>;

beforeEach(async () => {
  me = await anotherUser();
});

const as = (path: string, method: string, body?: object, token = me.token) => ask(path, { method, body, token });
const define = (definition: { kind: string } & Record<string, unknown>, at = definition.kind) =>
  as(`/api/agents/${at}`, "PUT", definition);
const store = (kind: string, body: object) => as(`/api/credentials/${kind}`, "PUT", body);
const shown = async (kind: string) => agentDetail.parse(await (await as(`/api/agents/${kind}`, "GET")).json());
const errorOf = async (answer: Response) => errorBody.parse(await answer.json()).error;
const project = async (more: object = {}) => {
  const answer = await as("/api/projects", "POST", { name: "Kettle", repoUrl: "https://git.test/a.git", ...more });
  return projectView.parse(await answer.json());
};

describe("a custom agent", () => {
  it("is defined, listed after the built-in ones, and usable at once when it needs no secret", async () => {
    const answer = await define({ ...GOOSE, env: { HOME_DIR: "{home}" } });
    expect(answer.status).toBe(200);
    expect(agentDetail.parse(await answer.json())).toMatchObject({
      builtIn: false,
      usable: true,
      hint: null,
      credential: null,
      capabilities: null,
      definition: { secretEnv: [], gateway: null, description: "" },
    });
    const listed = page(agentView).parse(await (await as("/api/agents", "GET")).json()).items;
    expect(listed.at(-1)?.kind).toBe("goose");
    expect(listed.filter((agent) => agent.builtIn).map(({ kind }) => kind)).not.toContain("goose");
    expect(await getRecipe(deps, me.id, "goose")).toEqual({
      ...GOOSE,
      env: { HOME_DIR: "{home}" },
      gateway: null,
      secretEnv: false,
      startsEarly: false,
      homeFiles: {},
    });
  });

  it("is available to its owner only", async () => {
    await define(GOOSE);
    const other = await anotherUser();
    expect((await as("/api/agents/goose", "GET", undefined, other.token)).status).toBe(404);
    expect((await as("/api/agents/goose", "DELETE", undefined, other.token)).status).toBe(404);
    expect(await getRecipe(deps, other.id, "goose")).toBeNull();
    expect(await shown("goose")).toMatchObject({ usable: true });
  });

  it("[S1] says which secret variables are missing, and is usable with all of them", async () => {
    await define({ ...GOOSE, secretEnv: ["GOOSE_KEY", "GOOSE_ORG"] });
    expect(await shown("goose")).toMatchObject({
      usable: false,
      credential: "agent:goose",
      secretEnv: ["GOOSE_KEY", "GOOSE_ORG"],
      hint: "Store its secret variables: GOOSE_KEY, GOOSE_ORG.",
    });
    await store("agent:goose", { kind: "agent", agent: "goose", env: { GOOSE_KEY: "the-value-of-a-key" } });
    expect(await shown("goose")).toMatchObject({ usable: false, hint: expect.stringMatching(/missing: GOOSE_ORG\.$/) });
    const both = { GOOSE_KEY: "the-value-of-a-key", GOOSE_ORG: "org", MORE: "1" };
    await store("agent%3Agoose", { kind: "agent", agent: "goose", env: both });
    expect(await shown("goose")).toMatchObject({ usable: true, hint: null });
    const everything = await (await as("/api/credentials", "GET")).text();
    expect(everything).toContain("GOOSE_KEY, GOOSE_ORG, MORE");
    expect(everything).not.toContain("the-value-of-a-key");
  });

  it("with a gateway needs that model's credential", async () => {
    await define({ kind: "acme", name: "Acme", program: PACKAGE, gateway: "openai" });
    expect(await shown("acme")).toMatchObject({ usable: false, credential: "openai", program: PACKAGE });
    await store("openai", { kind: "openai", baseUrl: "http://127.0.0.1:11434/v1" });
    expect(await shown("acme")).toMatchObject({ usable: true });
    expect(await getRecipe(deps, me.id, "acme")).toMatchObject({ gateway: "openai", secretEnv: false });
  });

  it("is changed by defining it again", async () => {
    await define(GOOSE);
    await define({ ...GOOSE, name: "Grey goose" });
    expect(await shown("goose")).toMatchObject({ name: "Grey goose" });
    expect(
      page(agentView)
        .parse(await (await as("/api/agents", "GET")).json())
        .items.filter((a) => !a.builtIn),
    ).toHaveLength(1);
  });

  it.each([
    ["a built-in agent's name", { ...GOOSE, kind: "claude" }, /built-in/],
    ["a gateway and secret variables", { ...GOOSE, gateway: "openai", secretEnv: ["A"] }, /not both/],
    ["a variable that is secret and not", { ...GOOSE, env: { A: "1" }, secretEnv: ["A"] }, /cannot be both/],
    ["one of our own variables", { ...GOOSE, env: { SAMOVAR_TOKEN: "x" } }, /not a usable name/],
    ["21 secret variables", { ...GOOSE, secretEnv: Array.from({ length: 21 }, (_, n) => `A${n}`) }, /secretEnv/],
    [
      "a version that is no version",
      { ...GOOSE, program: { ...PACKAGE, package: { ...PACKAGE.package, version: "latest" } } },
      /pin an exact version/,
    ],
    [
      "a lockfile",
      {
        ...GOOSE,
        program: { ...PACKAGE, package: { ...PACKAGE.package, lockfiles: { [PACKAGE.package.name]: "0".repeat(64) } } },
      },
      /only built-in agents have lockfiles/,
    ],
    ["the vm-agent as its program", { ...GOOSE, program: { from: "vm_agent" } }, /npm package or a program/],
  ])("is refused with %s", async (_what, definition, says) => {
    const answer = await define(definition);
    expect(await errorOf(answer)).toMatchObject({ code: "invalid_request", message: expect.stringMatching(says) });
  });

  it("is refused at another agent's address, and as the 51st", async () => {
    expect((await define(GOOSE, "gander")).status).toBe(400);
    for (let n = 0; n < 50; n++) expect((await define({ ...GOOSE, kind: `goose-${n}` })).status).toBe(200);
    expect(await errorOf(await define(GOOSE))).toMatchObject({ code: "conflict" });
    expect((await define({ ...GOOSE, kind: "goose-7", name: "Changed" })).status).toBe(200);
  });
});

describe("an agent is deleted", () => {
  it("with its credential", async () => {
    await define({ ...GOOSE, secretEnv: ["A"] });
    await store("agent:goose", { kind: "agent", agent: "goose", env: { A: "x" } });
    expect((await as("/api/agents/goose", "DELETE")).status).toBe(204);
    expect((await as("/api/agents/goose", "GET")).status).toBe(404);
    expect(await (await as("/api/credentials", "GET")).json()).toMatchObject({ items: [] });
    expect((await as("/api/agents/goose", "DELETE")).status).toBe(404);
  });

  it("not while a project names it, and its credential stays with it", async () => {
    await define({ ...GOOSE, secretEnv: ["A"] });
    await store("agent:goose", { kind: "agent", agent: "goose", env: { A: "x" } });
    const { id } = await project({ defaultAgent: "goose" });
    const refused = await errorOf(await as("/api/agents/goose", "DELETE"));
    expect(refused).toMatchObject({ code: "conflict", details: { projectIds: [id] } });
    expect(refused.message).toContain('the project "Kettle"');
    expect(await shown("goose")).toMatchObject({ usable: true });
    await as(`/api/projects/${id}`, "PATCH", { defaultAgent: null });
    expect((await as("/api/agents/goose", "DELETE")).status).toBe(204);
  });

  it("not while a task that has not ended names it; one that has ended does not hold it", async () => {
    await define(GOOSE);
    const { id } = await project();
    const body = { description: "Boil the water", agent: "goose" };
    const task = taskView.parse(await (await as(`/api/projects/${id}/tasks`, "POST", body)).json());
    expect(await errorOf(await as("/api/agents/goose", "DELETE"))).toMatchObject({ details: { taskIds: [task.id] } });
    await as(`/api/projects/${id}/tasks/${task.id}/cancel`, "POST");
    expect((await as("/api/agents/goose", "DELETE")).status).toBe(204);
  });

  it.each(BUILT_IN_AGENTS)("not %s, which comes with Samovar", async (kind) => {
    expect(await errorOf(await as(`/api/agents/${kind}`, "DELETE"))).toMatchObject({ code: "invalid_request" });
  });
});

describe("an unknown agent", () => {
  const refusal = {
    code: "agent_not_configured",
    message: expect.stringMatching(/There are: script, claude.*settings, under Agents/),
    details: {
      agent: "unknown",
      known: expect.arrayContaining(["script", "claude"]),
      settingsPath: "/settings/agents",
    },
  };

  it("is refused by projects and tasks alike, before anything is made", async () => {
    const { id } = await project();
    const draft = taskView.parse(await (await as(`/api/projects/${id}/tasks`, "POST", { description: "x" })).json());
    const answers = [
      await as("/api/projects", "POST", { name: "P", repoUrl: "https://git.test/a.git", defaultAgent: "unknown" }),
      await as(`/api/projects/${id}`, "PATCH", { defaultAgent: "unknown" }),
      await as(`/api/projects/${id}/tasks`, "POST", { description: "x", agent: "unknown" }),
      await as(`/api/projects/${id}/tasks`, "POST", { description: "x", agent: "unknown", run: true }),
      await as(`/api/projects/${id}/tasks/${draft.id}`, "PATCH", { agent: "unknown" }),
    ];
    for (const answer of answers) expect([answer.status, await errorOf(answer)]).toMatchObject([409, refusal]);
    const made = await env.DB.prepare("SELECT count(*) AS n FROM tasks WHERE project_id = ?").bind(id).first("n");
    expect(made).toBe(1);
  });

  it("names custom agents as well", async () => {
    await define(GOOSE);
    const error = await errorOf(
      await as("/api/projects", "POST", { name: "P", repoUrl: "https://git.test/a.git", defaultAgent: "unknown" }),
    );
    expect(error.details).toMatchObject({ known: expect.arrayContaining(["goose"]) });
  });

  it("a task whose agent lacks its secrets does not run", async () => {
    await define({ ...GOOSE, secretEnv: ["A"] });
    const { id } = await project({ defaultAgent: "goose" });
    const error = await errorOf(await as(`/api/projects/${id}/tasks`, "POST", { description: "x", run: true }));
    expect(error).toMatchObject({ code: "credentials_missing", details: { kind: "agent:goose" } });
    expect(error.message).toContain("Goose cannot run yet. Store its secret variables: A.");
  });

  it("has no recipe", async () => {
    expect(await getRecipe(deps, ids.make("usr"), "unknown")).toBeNull();
    expect(await getRecipe(deps, ids.make("usr"), "script")).toMatchObject({ program: { from: "vm_agent" } });
  });
});
