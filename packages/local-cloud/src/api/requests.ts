/** What requests may hold, and lists as Hetzner pages them. */
import * as z from "zod";
import { IMAGE, LOCATION, SERVER_TYPES } from "../catalogue.ts";
import { invalidField } from "./errors.ts";

const MAX_PAGE = 50;
const DEFAULT_PAGE = 25;

const label = z.string().regex(/^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/, "is not a usable label");
const labels = z.record(label.min(1), label);
const hostname = z
  .string()
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/,
    "is not a valid hostname",
  );
/** Clients send ids and names alike, ids as numbers or text. */
const named = (known: readonly { readonly id: number; readonly name: string }[]) =>
  z.union([z.string(), z.number()]).transform((given, context) => {
    const found = known.find((one) => one.name === given || String(one.id) === String(given));
    if (found !== undefined) return found.name;
    context.addIssue({ code: "custom", message: "is not known" });
    return z.NEVER;
  });

const id = z.number().int().positive();
const MAX_FIREWALLS = 5;
const MAX_RULES = 50;
const addresses = z
  .array(z.union([z.cidrv4(), z.cidrv6()], "is not a list of networks"))
  .max(100)
  .default([]);
const rule = z
  .object({
    direction: z.enum(["in", "out"]),
    protocol: z.enum(["tcp", "udp", "icmp", "esp", "gre"]),
    port: z
      .string()
      .regex(/^(any|\d{1,5}(-\d{1,5})?)$/)
      .nullish()
      .transform((port) => port ?? null),
    source_ips: addresses,
    destination_ips: addresses,
    description: z
      .string()
      .max(255)
      .nullish()
      .transform((text) => text ?? null),
  })
  .refine(
    (given) => given.port !== null || (given.protocol !== "tcp" && given.protocol !== "udp"),
    "tcp and udp need a port",
  )
  .refine(
    (given) => (given.direction === "in" ? given.source_ips : given.destination_ips).length > 0,
    "the addresses are missing",
  );
const rules = z.array(rule).max(MAX_RULES);
/** Label selectors are not offered here. */
const resources = z
  .array(z.object({ type: z.literal("server"), server: z.object({ id }) }))
  .transform((given) => given.map(({ server }) => server.id));
const firewallName = z.string().trim().min(1).max(128);

export const createFirewall = z.object({
  name: firewallName,
  labels: labels.default({}),
  rules: rules.default([]),
  apply_to: resources.nullish().transform((ids) => ids ?? []),
});
export const changeFirewall = z.object({ name: firewallName.optional(), labels: labels.optional() });
export const setRules = z.object({ rules });
export const applyFirewall = z.object({ apply_to: resources });
export const removeFirewall = z.object({ remove_from: resources });

export const createServer = z.object({
  name: hostname.max(253),
  server_type: named(SERVER_TYPES),
  image: named([IMAGE]),
  location: named([LOCATION]).default(LOCATION.name),
  labels: labels.default({}),
  user_data: z
    .string()
    .default("")
    .refine((text) => Buffer.byteLength(text) <= 32_768, "Length must be between 0 and 32768."),
  firewalls: z
    .array(z.object({ firewall: id }))
    .max(MAX_FIREWALLS)
    .default([])
    .transform((given) => given.map(({ firewall }) => firewall)),
  start_after_create: z.boolean().default(true),
});

export const changeServer = z.object({ name: hostname.max(253).optional(), labels: labels.optional() });

export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw invalidField(String(issue?.path[0] ?? "body"), issue?.message ?? "is not valid");
}

/** One page of `all`, in the order that `sort=field:asc|desc` asks for (ids without it). */
export function pageOf<T>(
  all: readonly T[],
  query: URLSearchParams,
  fields: Readonly<Record<string, (item: T) => string | number>>,
) {
  const size = Math.min(number(query, "per_page", DEFAULT_PAGE), MAX_PAGE);
  const page = number(query, "page", 1);
  const last = Math.max(1, Math.ceil(all.length / size));
  const orders = query.getAll("sort").map((sort) => sort.split(":"));
  const sorted = all.toSorted((a, b) => {
    for (const [field = "", direction] of [...orders, ["id"]]) {
      const of = fields[field];
      if (of === undefined || of(a) === of(b)) continue;
      return (of(a) < of(b) ? -1 : 1) * (direction === "desc" ? -1 : 1);
    }
    return 0;
  });
  const pagination = {
    page,
    per_page: size,
    previous_page: page > 1 ? page - 1 : null,
    next_page: page < last ? page + 1 : null,
    last_page: last,
    total_entries: all.length,
  };
  return { items: sorted.slice((page - 1) * size, page * size), meta: { pagination } };
}

function number(query: URLSearchParams, name: string, fallback: number): number {
  const text = query.get(name);
  if (text === null) return fallback;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw invalidField(name, "must be a positive number");
  return Number(text);
}
