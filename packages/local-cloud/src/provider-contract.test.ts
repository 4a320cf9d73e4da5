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

providerContract("hetzner over the local cloud", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "samovar-cloud-"));
  const cloud = await startLocalCloud({
    dataDir,
    token: TOKEN,
    nodeBinary: process.execPath,
    stopGraceMs: 200,
    logger: silentLogger,
  });
  return {
    installationId: "contract",
    userData: "#cloud-config\nruncmd:\n  - [sleep, '600']\n",
    connect: (fetch) => createHetznerProvider({ baseUrl: cloud.url, token: TOKEN, installationId: "contract", fetch }),
    async makeForeignServer(name, labels) {
      const reply = await fetch(`${cloud.url}/servers`, {
        method: "POST",
        headers: { authorization: `Bearer ${TOKEN}` },
        body: JSON.stringify({ name, server_type: 1, image: 1, labels }),
      });
      return String(serverReply.parse(await reply.json()).server.id);
    },
    async close() {
      await cloud.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
});
