/**
 * The image of a workspace's container: the one that the checkout's devcontainer names or describes, else the node's. Built by
 * the engine, outside any workspace, without secrets, and cached by the content that it depends on.
 */
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Result } from "@samovar/base";
import { err, ok } from "@samovar/base";
import type { Failure, HostContainer } from "@samovar/contracts";
import type { PrepareProgress } from "../runtime.ts";
import { type Build, type Devcontainer, DEVCONTAINER_FILES, parseDevcontainer } from "./devcontainer.ts";
import { callEngine, type Engine } from "./engine.ts";

export interface PreparedImage {
  readonly image: string;
  /** `containerEnv` */
  readonly env: Readonly<Record<string, string>>;
  readonly postCreate: Devcontainer["postCreate"];
}

/** Of every image that Samovar builds: its project. */
const PROJECT_LABEL = "samovar.project";
const LAST_LINES = 20;
const FILE_MAX_BYTES = 256 * 1024;
const FILES_MAX = 2000;

/** Never throws. */
export async function prepareImage(
  container: HostContainer,
  progress: PrepareProgress,
): Promise<Result<PreparedImage, Failure>> {
  const found = findDevcontainer(container.checkout);
  if (!found.ok) return err(createFailure(found.error));
  if (found.value === null) {
    const fault = await ensureImage(container, container.image, progress);
    return fault === null ? ok({ image: container.image, env: {}, postCreate: [] }) : err(createFailure(fault));
  }
  const { file, devcontainer } = found.value;
  const { source, env, postCreate, unused } = devcontainer;
  if (unused.length > 0) progress.onOutput(`${file}: not used: ${unused.join(", ")}\n`);
  if (source.kind === "image") {
    const fault = await ensureImage(container, source.image, progress);
    return fault === null ? ok({ image: source.image, env, postCreate }) : err(createFailure(fault));
  }
  const built = await buildImage(container, join(container.checkout, file), source, progress);
  return built.ok ? ok({ image: built.value, env, postCreate }) : err(createFailure(built.error));
}

/** The image that {@link prepareImage} would use, if the engine has it already; else null. Never throws. */
export async function findImage(container: HostContainer): Promise<string | null> {
  const found = findDevcontainer(container.checkout);
  if (!found.ok || found.value === null) return null;
  const { file, devcontainer } = found.value;
  const { source } = devcontainer;
  const image = source.kind === "image" ? source.image : findTag(container, join(container.checkout, file), source);
  return image !== null && (await hasImage(container, image)) ? image : null;
}

function findTag(container: HostContainer, file: string, source: Build): string | null {
  const plan = planBuild(container, file, source);
  return plan.ok ? plan.value.tag : null;
}

type Found = { readonly file: string; readonly devcontainer: Devcontainer } | null;

function findDevcontainer(checkout: string): Result<Found, string> {
  for (const file of DEVCONTAINER_FILES) {
    const path = findInside(checkout, join(checkout, file));
    if (path === null) continue;
    const stat = statSync(path);
    if (!stat.isFile() || stat.size > FILE_MAX_BYTES) return err(`${file} is too large, or not a file.`);
    const parsed = parseDevcontainer(readFileSync(path, "utf8"));
    return parsed.ok ? ok({ file, devcontainer: parsed.value }) : err(`${file} cannot be used: ${parsed.error}.`);
  }
  return ok(null);
}

/** The real path, or null when it does not exist or a link leads out of the checkout. */
function findInside(checkout: string, path: string): string | null {
  try {
    const [root, real] = [realpathSync(checkout), realpathSync(path)];
    const way = relative(root, real);
    return way === ".." || way.startsWith("../") ? null : real;
  } catch {
    return null;
  }
}

/** Null when the engine has the image, or has pulled it; else why not. */
export async function ensureImage(
  engine: Engine,
  image: string,
  { signal, onOutput }: Pick<PrepareProgress, "signal" | "onOutput">,
): Promise<string | null> {
  if (await hasImage(engine, image, signal)) return null;
  onOutput(`Pulling ${image} …\n`);
  const pulled = await callEngine(engine, ["pull", image], { signal, onOutput: (bytes) => onOutput(bytes.toString()) });
  return pulled.ok ? null : `The image ${image} could not be pulled. ${takeLastLines(pulled.errors)}`;
}

const hasImage = async (engine: Engine, image: string, signal?: AbortSignal): Promise<boolean> =>
  (await callEngine(engine, ["image", "inspect", "--format", "{{.Id}}", image], { signal })).ok;

interface BuildPlan {
  readonly dockerfile: string;
  readonly context: string;
  readonly repository: string;
  readonly tag: string;
  /** The tag stands for all that the image is made of. */
  readonly isWhole: boolean;
}

function planBuild(container: HostContainer, file: string, build: Build): Result<BuildPlan, string> {
  const folder = dirname(file);
  const dockerfile = findInside(container.checkout, join(folder, build.dockerfile));
  const context = findInside(container.checkout, join(folder, build.context));
  if (dockerfile === null) return err(`The Dockerfile ${build.dockerfile} is not in the repository.`);
  if (context === null) return err(`The build's context ${build.context} is not in the repository.`);
  const repository = `samovar-${container.project.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`;
  const files = listFiles(folder);
  const tag = `${repository}:${hashBuild([dockerfile, ...files.slice(0, FILES_MAX)], build)}`;
  // The engine's own cache notices changes of a context with more than the devcontainer's files.
  const isWhole = files.length <= FILES_MAX && [context, dockerfile].every((each) => findInside(folder, each) !== null);
  return ok({ dockerfile, context, repository, tag, isWhole });
}

async function buildImage(
  container: HostContainer,
  file: string,
  build: Build,
  { signal, allowsNetwork, onOutput }: PrepareProgress,
): Promise<Result<string, string>> {
  const plan = planBuild(container, file, build);
  if (!plan.ok) return plan;
  const { dockerfile, context, repository, tag, isWhole } = plan.value;
  if (isWhole && (await hasImage(container, tag, signal))) return ok(tag);
  onOutput("Building the devcontainer's image …\n");
  const words = [
    ["build", `--file=${dockerfile}`, `--tag=${tag}`, `--label=${PROJECT_LABEL}=${container.project}`, "--force-rm"],
    build.target === null ? [] : [`--target=${build.target}`],
    Object.entries(build.args).map(([name, value]) => `--build-arg=${name}=${value}`),
    allowsNetwork ? [] : ["--network=none"],
    container.limits.memoryBytes === null ? [] : [`--memory=${container.limits.memoryBytes}`],
    [`--cpu-shares=${container.cpuShares}`, context],
  ].flat();
  const built = await callEngine(container, words, { signal, onOutput: (bytes) => onOutput(bytes.toString()) });
  if (!built.ok) return err(`The devcontainer's image could not be built. ${takeLastLines(built.errors)}`);
  await removeOthers(container, repository, tag);
  return ok(tag);
}

/** Images of the project's earlier devcontainers; the engine keeps those that are in use. */
async function removeOthers(engine: Engine, repository: string, tag: string): Promise<void> {
  const listed = await callEngine(engine, ["images", "--format", "{{.Repository}}:{{.Tag}}", repository]);
  const others = listed.output.split("\n").filter((each) => each.startsWith(`${repository}:`) && each !== tag);
  if (others.length > 0) await callEngine(engine, ["rmi", ...others]);
}

/** Over the names, modes and contents of the files, and the options. */
function hashBuild(files: readonly string[], build: Build): string {
  const hash = createHash("sha256").update(JSON.stringify(build));
  for (const file of files) {
    const stat = lstatSync(file);
    hash.update(`\0${file.slice(file.indexOf("/.devcontainer") + 1)}\0${stat.mode}\0${stat.size}\0`);
    if (stat.isFile()) hash.update(readFileSync(file));
    if (stat.isSymbolicLink()) hash.update(readlinkSync(file));
  }
  return hash.digest("hex").slice(0, 24);
}

/** Those of `.devcontainer`; nothing when the file is in the repository's root. */
function listFiles(folder: string): string[] {
  if (!folder.endsWith("/.devcontainer")) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .toSorted()
    .map((name) => join(folder, name));
}

const takeLastLines = (text: string): string => text.trim().split("\n").slice(-LAST_LINES).join("\n").slice(-2000);

const createFailure = (message: string): Failure => ({ code: "image_failed", message: message.slice(0, 4000) });
