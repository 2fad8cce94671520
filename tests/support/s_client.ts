/** What openssl s_client says that stays until the server on a port of 127.0.0.1 ends the connection. */
export async function sClient(port: number, ...args: readonly string[]): Promise<string> {
  const client = Bun.spawn(
    ["openssl", "s_client", "-connect", `127.0.0.1:${port}`, "-quiet", ...args],
    { stdio: ["pipe", "pipe", "pipe"] },
  );
  const [out, err] = await Promise.all([
    new Response(client.stdout).text(),
    new Response(client.stderr).text(),
  ]);
  await client.exited;
  return out + err;
}
