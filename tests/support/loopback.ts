/**
 * An address of loopback for a well-known port, which another run of the tests at the same time has
 * not taken.
 */
export function ownAddress(last: number): string {
  return `127.${1 + (process.pid >> 8) % 254}.${process.pid & 255}.${last}`;
}
