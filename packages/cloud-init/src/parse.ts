/** Reads the part of `#cloud-config` that a server of ours is made from: files, commands, units. */
import { err, errorMessage, ok, type Result } from "@samovar/base";
import { parse } from "yaml";
import * as z from "zod";
import { parseServiceUnit, type ServiceUnit } from "./unit.ts";

export interface UserDataFile {
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  readonly content: Uint8Array;
}

export interface UserData {
  readonly hostname: string | null;
  readonly packages: readonly string[];
  readonly files: readonly UserDataFile[];
  /** argv of each command, in order; a shell line is `["sh", "-c", line]`. */
  readonly runcmd: readonly (readonly string[])[];
  /** Service units among the files, by name (`x.service`). */
  readonly units: Readonly<Record<string, ServiceUnit>>;
}

const absolutePath = z
  .string()
  .max(1000)
  .refine(
    (path) => path.startsWith("/") && !path.includes("\0") && !path.split("/").includes(".."),
    "not an absolute path",
  );

const writeFile = z.object({
  path: absolutePath,
  content: z.string().default(""),
  permissions: z
    .string()
    .regex(/^0?[0-7]{3,4}$/)
    .default("0644"),
  encoding: z.enum(["text/plain", "b64", "base64"]).default("text/plain"),
  append: z.literal(false).optional(),
});

const cloudConfig = z.object({
  hostname: z.string().max(253).optional(),
  packages: z.array(z.string()).default([]),
  write_files: z.array(writeFile).default([]),
  runcmd: z.array(z.union([z.string(), z.array(z.string()).min(1)])).default([]),
});

/** The error is a sentence that says which part is not understood. */
export function parseUserData(text: string): Result<UserData, string> {
  if (!/^#cloud-config\s*\n/.test(text)) return err("user data does not begin with #cloud-config");
  const document = yamlOf(text);
  if (!document.ok) return document;
  const config = cloudConfig.safeParse(document.value ?? {});
  if (!config.success) return err(z.prettifyError(config.error));
  const files = filesOf(config.data.write_files);
  if (!files.ok) return files;
  const units = unitsOf(files.value);
  if (!units.ok) return units;
  return ok({
    hostname: config.data.hostname ?? null,
    packages: config.data.packages,
    files: files.value,
    runcmd: config.data.runcmd.map((command) => (typeof command === "string" ? ["sh", "-c", command] : command)),
    units: units.value,
  });
}

function yamlOf(text: string): Result<unknown, string> {
  try {
    return ok(parse(text, { version: "1.1", maxAliasCount: 0 }));
  } catch (error) {
    return err(`user data is not YAML: ${errorMessage(error)}`);
  }
}

function filesOf(entries: readonly z.infer<typeof writeFile>[]): Result<UserDataFile[], string> {
  const files: UserDataFile[] = [];
  for (const { path, permissions, encoding, content } of entries) {
    const bytes = encoding === "text/plain" ? new TextEncoder().encode(content) : fromBase64(content);
    if (bytes === null) return err(`${path}: the content is not base64`);
    files.push({ path, mode: Number.parseInt(permissions, 8), content: bytes });
  }
  return ok(files);
}

function fromBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}

function unitsOf(files: readonly UserDataFile[]): Result<Record<string, ServiceUnit>, string> {
  const units: Record<string, ServiceUnit> = {};
  for (const { path, content } of files) {
    const name = /^\/etc\/systemd\/system\/([A-Za-z0-9@_.-]+\.service)$/.exec(path)?.[1];
    if (name === undefined) continue;
    const unit = parseServiceUnit(new TextDecoder().decode(content));
    if (!unit.ok) return err(`${path}: ${unit.error}`);
    units[name] = unit.value;
  }
  return ok(units);
}
