/** What a session host and the first program of its container say to each other. */
import * as z from "zod";

const id = z.number().int().positive();

/** Host → container. */
export const containerCommand = z.discriminatedUnion("type", [
  /** `channel` carries stdin and stdout, `errors` stderr. */
  z.object({
    type: z.literal("start"),
    program: id,
    argv: z.tuple([z.string()], z.string()),
    env: z.record(z.string(), z.string()),
    cwd: z.string(),
    hasInput: z.boolean(),
    channel: id,
    errors: id,
  }),
  z.object({ type: z.literal("signal"), program: id, name: z.enum(["SIGTERM", "SIGKILL"]) }),
  /** Listen on this port of the container's loopback. */
  z.object({ type: z.literal("forward"), port: z.number().int().min(1).max(65_535) }),
  /** Answer how many processes are left, then exit. */
  z.object({ type: z.literal("end") }),
]);
export type ContainerCommand = z.infer<typeof containerCommand>;

/** Container → host. */
export const containerEvent = z.discriminatedUnion("type", [
  /** `env`: the image's environment. */
  z.object({ type: z.literal("ready"), env: z.record(z.string(), z.string()) }),
  /** `pid`: in the container. */
  z.object({ type: z.literal("started"), program: id, pid: id }),
  z.object({
    type: z.literal("exited"),
    program: id,
    code: z.number().int().nullable(),
    signal: z.string().max(20).nullable(),
    error: z.string().max(2000).nullable(),
  }),
  z.object({ type: z.literal("connection"), port: z.number().int(), channel: id }),
  z.object({ type: z.literal("ended"), left: z.number().int().nonnegative() }),
]);
export type ContainerEvent = z.infer<typeof containerEvent>;

/** The host numbers its channels with even numbers, the container with odd ones. */
export const isContainerChannel = (channel: number): boolean => channel % 2 === 1;
