/**
 * Reads a repository's devcontainer.json, of which only what concerns the image and the programs inside is used. What would
 * reach the node (mounts, engine arguments, commands on the host, variables of the host) is never used. Pure.
 */
import type { Result } from "@samovar/base";
import { err, errorMessage, ok } from "@samovar/base";
import { imageReference } from "@samovar/contracts";
import stripJsonComments from "strip-json-comments";
import * as z from "zod";
import { SEEN } from "../sandbox-arguments.ts";

export const DEVCONTAINER_FILES = [".devcontainer/devcontainer.json", ".devcontainer.json"] as const;

const path = z.string().min(1).max(500);
const command = z.union([z.string(), z.array(z.string()).min(1)]);
const environment = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(8000));

const file = z.object({
  image: imageReference.optional(),
  build: z
    .object({
      dockerfile: path.optional(),
      context: path.optional(),
      target: z
        .string()
        .regex(/^[\w.-]+$/)
        .optional(),
      args: environment.optional(),
    })
    .optional(),
  /** The older form of `build`. */
  dockerFile: path.optional(),
  context: path.optional(),
  containerEnv: environment.optional(),
  postCreateCommand: z.union([command, z.record(z.string(), command)]).optional(),
});

/** Used, or without meaning for a container that no editor opens. */
const KNOWN =
  /^(?:\$schema|name|image|build|dockerFile|context|containerEnv|postCreateCommand|customizations|extensions|settings|forwardPorts|portsAttributes|otherPortsAttributes|shutdownAction|overrideCommand|waitFor|hostRequirements|updateRemoteUserUID|init|workspaceFolder)$/;

export interface Build {
  /** Relative to the folder of devcontainer.json. */
  readonly dockerfile: string;
  readonly context: string;
  readonly target: string | null;
  readonly args: Readonly<Record<string, string>>;
}

export interface Devcontainer {
  readonly source: { readonly kind: "image"; readonly image: string } | ({ readonly kind: "build" } & Build);
  /** Variables with the places of the container in them. */
  readonly env: Readonly<Record<string, string>>;
  /** argv of each; run one after the other in the checkout. */
  readonly postCreate: readonly (readonly [string, ...string[]])[];
  /** Keys of the file that are not used. */
  readonly unused: readonly string[];
}

/** An error is a sentence for people. */
export function parseDevcontainer(text: string): Result<Devcontainer, string> {
  let json: unknown;
  try {
    json = JSON.parse(stripJsonComments(text, { trailingCommas: true }));
  } catch (error) {
    return err(`it is not JSON with comments: ${errorMessage(error)}`);
  }
  const parsed = file.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return err(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? "invalid"}`);
  }
  const source = findSource(parsed.data);
  if (source === null) return err("it names neither an image nor a Dockerfile; docker-compose files are not supported");
  const { containerEnv = {}, postCreateCommand } = parsed.data;
  return ok({
    source,
    env: Object.fromEntries(Object.entries(containerEnv).map(([name, value]) => [name, fillPlaces(value)])),
    postCreate: toCommands(postCreateCommand),
    unused: Object.keys(z.record(z.string(), z.unknown()).parse(json)).filter((key) => !KNOWN.test(key)),
  });
}

function findSource({ image, build, dockerFile, context }: z.infer<typeof file>): Devcontainer["source"] | null {
  const dockerfile = build?.dockerfile ?? dockerFile;
  if (dockerfile !== undefined) {
    const args = Object.entries(build?.args ?? {}).map(([name, value]) => [name, fillPlaces(value)]);
    return {
      kind: "build",
      dockerfile,
      context: build?.context ?? context ?? ".",
      target: build?.target ?? null,
      args: Object.fromEntries(args),
    };
  }
  return image === undefined ? null : { kind: "image", image };
}

function toCommands(given: z.infer<typeof file>["postCreateCommand"]): Devcontainer["postCreate"] {
  if (given === undefined) return [];
  const commands = typeof given === "string" || Array.isArray(given) ? [given] : Object.values(given);
  return commands.map((each) => {
    if (typeof each === "string") return ["sh", "-c", each];
    const [program = "true", ...args] = each;
    return [program, ...args];
  });
}

/** `${localEnv:…}` would show the node's environment: it is empty, or its default. */
function fillPlaces(text: string): string {
  return text
    .replaceAll(/\$\{(?:containerWorkspaceFolder|localWorkspaceFolder)\}/g, SEEN.checkout)
    .replaceAll(/\$\{(?:containerWorkspaceFolderBasename|localWorkspaceFolderBasename)\}/g, SEEN.checkout.slice(1))
    .replaceAll(
      /\$\{(?:localEnv|env|containerEnv):[^:}]*(?::([^}]*))?\}/g,
      (_all, fallback: string | undefined) => fallback ?? "",
    );
}
