/** The part of DigitalOcean's answers that Samovar reads. What is not read may change freely. */
import * as z from "zod";

const tags = z
  .array(z.string())
  .nullish()
  .transform((names) => names ?? []);

const droplet = z.object({
  id: z.number().int().positive(),
  name: z.string(),
  status: z.string(),
  created_at: z.iso.datetime({ offset: true }),
  tags,
  region: z.object({ slug: z.string() }).nullish(),
  size: z.object({ price_hourly: z.number() }).nullish(),
});
export type Droplet = z.infer<typeof droplet>;

const size = z.object({
  slug: z.string(),
  vcpus: z.number(),
  /** MB */
  memory: z.number(),
  /** US dollars */
  price_hourly: z.number(),
  regions: z.array(z.string()),
  available: z.boolean(),
});
export type Size = z.infer<typeof size>;

const target = z.object({ addresses: z.array(z.string()).nullish() }).nullish();
const rule = z.object({ protocol: z.string(), ports: z.string().nullish(), action: z.string().nullish() });
const firewall = z.object({
  id: z.string(),
  name: z.string(),
  tags,
  droplet_ids: z.array(z.number()).nullish(),
  inbound_rules: z.array(z.unknown()).nullish(),
  outbound_rules: z.array(rule.extend({ destinations: target })).nullish(),
});
export type Firewall = z.infer<typeof firewall>;

export const dropletReply = z.object({ droplet });
export const firewallReply = z.object({ firewall });
export const tagReply = z.object({ tag: z.object({ name: z.string() }) });

const listed = {
  /** Left out where everything is on one page. */
  links: z.object({ pages: z.object({ next: z.string().optional() }).optional() }).optional(),
  meta: z.object({ total: z.number().int() }),
};

/** Only the number is taken from the next page's address: the token goes to no address that an answer names. */
function toPage<T>(items: readonly T[], { links, meta }: z.infer<z.ZodObject<typeof listed>>) {
  const next = links?.pages?.next;
  const number = next === undefined ? null : Number(/[?&]page=(\d{1,9})(?:&|$)/.exec(next)?.[1] ?? Number.NaN);
  return { items, nextPage: number, total: meta.total };
}

const hasPageNumber = ({ nextPage }: { readonly nextPage: number | null }) =>
  nextPage === null || Number.isInteger(nextPage);

export const dropletPage = z
  .object({ droplets: z.array(droplet), ...listed })
  .transform((page) => toPage(page.droplets, page))
  .refine(hasPageNumber);
export const sizePage = z
  .object({ sizes: z.array(size), ...listed })
  .transform((page) => toPage(page.sizes, page))
  .refine(hasPageNumber);
export const firewallPage = z
  .object({ firewalls: z.array(firewall), ...listed })
  .transform((page) => toPage(page.firewalls, page))
  .refine(hasPageNumber);
export const sshKeyPage = z
  .object({ ssh_keys: z.array(z.object({ id: z.number(), name: z.string(), fingerprint: z.string() })), ...listed })
  .transform((page) => toPage(page.ssh_keys, page))
  .refine(hasPageNumber);
