import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@samovar/base";
import { createHetznerProvider } from "@samovar/providers";
import { providerContract } from "@samovar/providers/contract.testing";
import * as z from "zod";
import { startLocalCloud } from "./index.ts";
import { TOKEN } from "./rig.testing.ts";

const serverReply = z.object({ server: z.object({ id: z.number() }) });
const firewallList = z.object({
  firewalls: z.array(
    z.object({
      id: z.number(),
      name: z.string(),
      rules: z.array(z.object({ direction: z.string() })),
      applied_to: z.array(z.object({ server: z.object({ id: z.number() }) })),
    }),
  ),
});
const SSH = { direction: "in", protocol: "tcp", port: "22", source_ips: ["0.0.0.0/0", "::/0"] };

providerContract("hetzner over the local cloud", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "samovar-cloud-"));
  const cloud = await startLocalCloud({
    dataDir,
    token: TOKEN,
    nodeBinary: process.execPath,
    stopGraceMs: 200,
    logger: silentLogger,
  });
  const ask = async (method: string, path: string, body?: object): Promise<unknown> => {
    const reply = await fetch(cloud.url + path, {
      method,
      headers: { authorization: `Bearer ${TOKEN}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return reply.json();
  };
  const listFirewalls = async () => firewallList.parse(await ask("GET", "/firewalls?per_page=50")).firewalls;
  return {
    userData: "#cloud-config\nruncmd:\n  - [sleep, '600']\n",
    serversPath: "/servers",
    quotaRefusal: {
      status: 403,
      body: { error: { code: "resource_limit_exceeded", message: "server limit exceeded", details: null } },
    },
    connect: (connection) => createHetznerProvider({ baseUrl: cloud.url, token: TOKEN, ...connection }),
    async makeForeignServer(name, labels) {
      const made = await ask("POST", "/servers", { name, server_type: 1, image: 1, labels });
      return String(serverReply.parse(made).server.id);
    },
    async makeForeignFirewall(name) {
      await ask("POST", "/firewalls", { name, labels: { owner: "another" }, rules: [SSH] });
    },
    async listFirewalls() {
      return (await listFirewalls()).map(({ name, rules, applied_to: appliedTo }) => ({
        name,
        inboundRules: rules.filter(({ direction }) => direction === "in").length,
        servers: appliedTo.map(({ server }) => String(server.id)),
      }));
    },
    async openFirewall(name) {
      const id = (await listFirewalls()).find((firewall) => firewall.name === name)?.id;
      await ask("POST", `/firewalls/${id}/actions/set_rules`, { rules: [SSH] });
    },
    async close() {
      await cloud.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
});
