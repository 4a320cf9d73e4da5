/** The part of Hetzner Cloud's answers that Samovar reads. What is not read may change freely. */
import * as z from "zod";

const id = z.number().int().positive();
const labels = z.record(z.string(), z.string()).default({});
const price = z.object({ location: z.string(), price_hourly: z.object({ gross: z.string() }) });

const hetznerServer = z.object({
  id,
  name: z.string(),
  status: z.string(),
  created: z.iso.datetime({ offset: true }),
  labels,
  location: z.object({ name: z.string() }).nullish(),
  server_type: z.object({ prices: z.array(price).default([]) }).nullish(),
});
export type HetznerServer = z.infer<typeof hetznerServer>;

const hetznerServerType = z.object({
  name: z.string(),
  cores: z.number(),
  /** GB */
  memory: z.number(),
  /** GB */
  disk: z.number().optional(),
  architecture: z.string().optional(),
  deprecated: z.boolean().nullish(),
  prices: z.array(price),
  locations: z
    .array(
      z.object({
        name: z.string(),
        available: z.boolean().default(true),
        recommended: z.boolean().default(false),
        deprecation: z.unknown().optional(),
      }),
    )
    .default([]),
});
export type HetznerServerType = z.infer<typeof hetznerServerType>;

const hetznerImage = z.object({
  id,
  status: z.string(),
  architecture: z.string(),
  /** GB; the least that a server's disk must have. */
  disk_size: z.number(),
  created: z.iso.datetime({ offset: true }),
});
export type HetznerImage = z.infer<typeof hetznerImage>;

const hetznerFirewall = z.object({ id, name: z.string(), labels, rules: z.array(z.unknown()) });
export type HetznerFirewall = z.infer<typeof hetznerFirewall>;

export const serverReply = z.object({ server: hetznerServer });
export const firewallReply = z.object({ firewall: hetznerFirewall });
export const imageReply = z.object({ image: hetznerImage });

const meta = z.object({
  pagination: z.object({
    next_page: z.number().int().positive().nullable(),
    total_entries: z.number().int().nullish(),
  }),
});

const toPage = <T>(items: readonly T[], { pagination }: z.infer<typeof meta>) => ({
  items,
  nextPage: pagination.next_page,
  total: pagination.total_entries ?? null,
});

export const serverPage = z
  .object({ servers: z.array(hetznerServer), meta })
  .transform((page) => toPage(page.servers, page.meta));
export const serverTypePage = z
  .object({ server_types: z.array(hetznerServerType), meta })
  .transform((page) => toPage(page.server_types, page.meta));
export const imagePage = z
  .object({ images: z.array(hetznerImage), meta })
  .transform((page) => toPage(page.images, page.meta));
export const firewallPage = z
  .object({ firewalls: z.array(hetznerFirewall), meta })
  .transform((page) => toPage(page.firewalls, page.meta));
export const sshKeyPage = z
  .object({ ssh_keys: z.array(z.object({ id, name: z.string() })), meta })
  .transform((page) => toPage(page.ssh_keys, page.meta));
