/** What a workspace's programs need to use the egress proxy: the usual variables, and a program for ssh. */

/** Loopback is the workspace's own: the model's gateway, and servers that the agent starts. */
const NO_PROXY = "localhost,127.0.0.1,::1";

/** `ssh`: how Node and {@link SSH_PROXY_SCRIPT} are called there. */
export function createProxyEnvironment(
  port: number,
  ssh: { readonly node: string; readonly script: string },
): Record<string, string> {
  const url = `http://127.0.0.1:${port}`;
  return {
    HTTP_PROXY: url,
    HTTPS_PROXY: url,
    NO_PROXY,
    http_proxy: url,
    https_proxy: url,
    no_proxy: NO_PROXY,
    NODE_USE_ENV_PROXY: "1",
    GIT_SSH_COMMAND: `ssh -o 'ProxyCommand=${quote(ssh.node)} ${quote(ssh.script)} ${port} %h %p'`,
  };
}

/** For ssh, which replaces words with a percent sign, and then for the shell that it starts. */
const quote = (path: string): string => `"${path.replaceAll("%", "%%")}"`;

/** `node ssh-proxy.mjs PORT HOST PORT`: connects its input and output through the proxy, or says why not. */
export const SSH_PROXY_SCRIPT = `import { request } from "node:http";
const [proxy, host, port] = process.argv.slice(2);
const path = (host.includes(":") ? "[" + host + "]" : host) + ":" + port;
const give = (text) => (console.error(text), process.exit(1));
request({ host: "127.0.0.1", port: proxy, method: "CONNECT", path, agent: false })
  .on("error", (error) => give("The egress proxy does not answer: " + error.message))
  .on("connect", (response, socket, head) => {
    if (response.statusCode !== 200) {
      let text = head.toString();
      return socket.on("data", (bytes) => (text += bytes)).on("close", () => give(text.trim()));
    }
    socket.on("error", (error) => give(error.message));
    process.stdout.write(head);
    process.stdin.pipe(socket).pipe(process.stdout);
  })
  .end();
`;
