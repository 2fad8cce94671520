import { now } from "../system/libc.ts";
import { drain, type Stream } from "../system/stream.ts";
import { REFUSED_TIMEOUT } from "./refused_timeout.ts";

const NO_BYTES = new Uint8Array(0);

/**
 * Ends the connection of a client that the access rules refuse: in order after a banner, otherwise by a
 * reset after its first bytes, see {@link REFUSED_TIMEOUT}.
 */
export async function refuseStream(stream: Stream, bannerSent: boolean): Promise<void> {
  const deadline = now() + REFUSED_TIMEOUT;
  if (bannerSent) {
    await stream.finish(NO_BYTES, deadline);
    return await drain(stream, deadline);
  }
  await stream.receive(deadline);
  stream.reset();
}
