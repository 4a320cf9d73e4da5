/** The image that servers boot from: a name, the id of a snapshot, or a label that snapshots carry. */
import { err, ok, type Result } from "@samovar/base";
import type { ProviderFault } from "../provider.ts";
import type { Transport } from "../transport.ts";
import { makeFault } from "./faults.ts";
import { type HetznerImage, imagePage, imageReply } from "./schemas.ts";

export interface Image {
  readonly reference: string | number;
  /** Null if Hetzner has the image for every architecture and disk. */
  readonly needs: { readonly architecture: string; readonly diskGb: number } | null;
}

/**
 * `debian-12` names an image of Hetzner's, `114690387` is an image's id, and `image=samovar` asks for the newest snapshot
 * with that label, of each architecture.
 */
export async function findImages(http: Transport, setting: string): Promise<Result<readonly Image[], ProviderFault>> {
  if (/^\d+$/.test(setting)) {
    const found = await http.send("GET", `/images/${setting}`, imageReply);
    if (found.ok) return ok([toImage(found.value.image)]);
    return err(found.error.fault.code === "not_found" ? notFound(`no image has the id ${setting}`) : found.error.fault);
  }
  if (!setting.includes("=")) return ok([{ reference: setting, needs: null }]);
  const query = { type: "snapshot", status: "available", label_selector: setting };
  const listed = await http.listAll("/images", query, imagePage);
  if (!listed.ok) return listed;
  const newest = new Map<string, HetznerImage>();
  for (const image of listed.value.filter(({ status }) => status === "available")) {
    const known = newest.get(image.architecture);
    if (known === undefined || Date.parse(image.created) > Date.parse(known.created))
      newest.set(image.architecture, image);
  }
  if (newest.size === 0) return err(notFound(`no available snapshot has the label ${setting}`));
  return ok([...newest.values()].map(toImage));
}

const notFound = (reason: string) => makeFault("invalid", "image_not_found", reason);

const toImage = ({ id, architecture, disk_size }: HetznerImage): Image => ({
  reference: id,
  needs: { architecture, diskGb: disk_size },
});
