/**
 * The addresses of a host name, by getaddrinfo(3), without holding the event loop up.
 * @throws {Error} when there are none.
 */
export async function resolveHost(name: string): Promise<readonly string[]> {
  const { lookup } = await import("node:dns/promises");
  return (await lookup(name, { all: true })).map(({ address }) => address);
}
