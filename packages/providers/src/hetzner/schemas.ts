/** The part of Hetzner Cloud's answers that Samovar reads. What is not read may change freely. */
import * as z from "zod";

const price = z.object({ location: z.string(), price_hourly: z.object({ gross: z.string() }) });

const hetznerServer = z.object({
  id: z.number().int().positive(),
  name: z.string(),
  status: z.string(),
  created: z.iso.datetime({ offset: true }),
  labels: z.record(z.string(), z.string()).default({}),
  location: z.object({ name: z.string() }).nullish(),
  server_type: z.object({ prices: z.array(price).default([]) }).nullish(),
});
export type HetznerServer = z.infer<typeof hetznerServer>;

const hetznerServerType = z.object({
  name: z.string(),
  cores: z.number(),
  /** GB */
  memory: z.number(),
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

export const serverReply = z.object({ server: hetznerServer });

const meta = z.object({
  pagination: z.object({
    next_page: z.number().int().positive().nullable(),
    total_entries: z.number().int().nullish(),
  }),
});
export const serverPage = z
  .object({ servers: z.array(hetznerServer), meta })
  .transform((page) => ({ items: page.servers, ...page.meta.pagination }));
export const serverTypePage = z
  .object({ server_types: z.array(hetznerServerType), meta })
  .transform((page) => ({ items: page.server_types, ...page.meta.pagination }));

export interface ListPage<T> {
  readonly items: readonly T[];
  readonly next_page: number | null;
  readonly total_entries?: number | null | undefined;
}

export const errorReply = z.object({
  error: z.object({ code: z.string().max(100), message: z.string().transform((text) => text.slice(0, 1000)) }),
});
