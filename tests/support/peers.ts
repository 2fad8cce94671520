import { appendFileSync, existsSync } from "node:fs";

/** Programs of other packages that tests talk to. */
export const PEERS = {
  checkNrpe: { path: "/usr/lib/nagios/plugins/check_nrpe", package: "nagios-nrpe-plugin" },
  agent: { path: "/usr/sbin/nrpe", package: "nagios-nrpe-server" },
  plugins: { path: "/usr/lib/nagios/plugins/check_load", package: "monitoring-plugins-basic" },
  inetd: { path: "/usr/sbin/inetd", package: "openbsd-inetd" },
  inetutilsInetd: { path: "/usr/sbin/inetutils-inetd", package: "inetutils-inetd" },
  xinetd: { path: "/usr/sbin/xinetd", package: "xinetd" },
  tcpd: { path: "/usr/sbin/tcpd", package: "tcpd" },
  strace: { path: "/usr/bin/strace", package: "strace" },
  systemdAnalyze: { path: "/usr/bin/systemd-analyze", package: "systemd" },
  initScript: { path: "/etc/init.d/nagios-nrpe-server", package: "nagios-nrpe-server" },
  compiler: { path: "/usr/bin/gcc", package: "gcc" },
  headers: { path: "/usr/include/x86_64-linux-gnu/asm/fcntl.h", package: "libc6-dev" },
  arm64Headers: {
    path: "/usr/aarch64-linux-gnu/include/asm/fcntl.h",
    package: "linux-libc-dev-arm64-cross",
  },
  systemd: { path: "/lib/systemd/systemd", package: "systemd" },
  sudo: { path: "/usr/bin/sudo", package: "sudo" },
  setcap: { path: "/usr/sbin/setcap", package: "libcap2-bin" },
  openssl: { path: "/usr/bin/openssl", package: "openssl" },
  sshKeygen: { path: "/usr/bin/ssh-keygen", package: "openssh-client" },
  ip: { path: "/usr/bin/ip", package: "iproute2" },
  pgrep: { path: "/usr/bin/pgrep", package: "procps" },
  mandoc: { path: "/usr/bin/mandoc", package: "mandoc" },
  fish: { path: "/usr/bin/fish", package: "fish" },
  zsh: { path: "/usr/bin/zsh", package: "zsh" },
  apparmorParser: { path: "/usr/sbin/apparmor_parser", package: "apparmor" },
  logrotate: { path: "/usr/sbin/logrotate", package: "logrotate" },
  rpmbuild: { path: "/usr/bin/rpmbuild", package: "rpm" },
} as const;

/** The name of a peer. */
export type Peer = keyof typeof PEERS;

/**
 * Whether tests that need some peers must be skipped, because their packages are not installed.
 *
 * @throws {Error} when the environment says, with NRPE_REQUIRE_PEERS=1, that nothing may be skipped.
 */
export function peersMissing(...peers: readonly Peer[]): boolean {
  const missing = process.getuid?.() === 0
    ? peers.filter((peer) => !existsSync(PEERS[peer].path)).map((peer) => PEERS[peer].package)
    : ["root"];
  if (missing.length === 0) return false;
  if (process.env.NRPE_REQUIRE_PEERS === "1") {
    throw new Error(`These tests need ${missing.join(", ")}`);
  }
  console.warn(`Skipping tests that need ${missing.join(", ")}`);
  leaveOut(...missing);
  return true;
}

/** Has `tests/run.ts` say at the end what tests were skipped for want of. */
export function leaveOut(...wants: readonly string[]): void {
  const { NRPE_LEFT_OUT: file } = process.env;
  if (file !== undefined) appendFileSync(file, wants.map((want) => `${want}\n`).join(""));
}
