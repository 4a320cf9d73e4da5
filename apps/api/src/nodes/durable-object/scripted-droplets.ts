/** For tests: the calls of DigitalOcean's API that a node makes, in memory; `scripted-cloud.ts` puts it behind the runtime's `fetch`. */

interface StoredDroplet {
  readonly id: number;
  readonly name: string;
  readonly tags: readonly string[];
  readonly userData: string;
  readonly created: string;
}

export interface ScriptedDroplets {
  readonly droplets: Map<number, StoredDroplet>;
  /** `path` without the API's version. */
  carryOut(method: string, path: string, query: URLSearchParams, body: string): Response;
}

const SIZE = {
  slug: "s-16vcpu-64gb",
  vcpus: 16,
  memory: 65_536,
  price_hourly: 0.75,
  regions: ["fra1"],
  available: true,
};

const pageOf = (key: string, items: readonly unknown[]) =>
  Response.json({ [key]: items, meta: { total: items.length } });
const notFound = () => Response.json({ id: "not_found", message: "not found" }, { status: 404 });

export function scriptedDroplets(): ScriptedDroplets {
  const droplets = new Map<number, StoredDroplet>();
  const firewalls: object[] = [];
  let nextId = 9_001;
  const view = ({ id, name, tags, created }: StoredDroplet) => ({
    id,
    name,
    tags,
    status: "active",
    created_at: created,
    region: { slug: "fra1" },
    size: SIZE,
  });

  function create(body: string): Response {
    const wanted: { name: string; tags: string[]; user_data: string } = JSON.parse(body);
    const created = new Date(Date.now()).toISOString();
    const droplet = { id: nextId++, name: wanted.name, tags: wanted.tags, userData: wanted.user_data, created };
    droplets.set(droplet.id, droplet);
    return Response.json({ droplet: view(droplet) }, { status: 202 });
  }

  function createFirewall(body: string): Response {
    const firewall = { ...JSON.parse(body), id: `firewall-${firewalls.length}` };
    firewalls.push(firewall);
    return Response.json({ firewall }, { status: 202 });
  }

  return {
    droplets,
    carryOut(method, path, query, body) {
      const isList = method === "GET";
      if (path === "/sizes") return pageOf("sizes", [SIZE]);
      if (path === "/firewalls") return isList ? pageOf("firewalls", firewalls) : createFirewall(body);
      if (path === "/tags") return Response.json({ tag: JSON.parse(body) }, { status: 201 });
      if (path === "/droplets" && method === "POST") return create(body);
      if (path === "/droplets") {
        const name = query.get("name");
        return pageOf(
          "droplets",
          [...droplets.values()].filter((droplet) => name === null || droplet.name === name).map(view),
        );
      }
      const droplet = path.startsWith("/droplets/") ? droplets.get(Number(path.split("/")[2])) : undefined;
      if (droplet === undefined) return notFound();
      if (isList) return Response.json({ droplet: view(droplet) });
      droplets.delete(droplet.id);
      return new Response(null, { status: 204 });
    },
  };
}
