import type { DebianRoot } from "../boot/root.ts";

/** What only this host has; icinga2-bin brings the template library with its common files. */
const INSTALLED = [
  ...["ansible-core", "ansible-lint", "yamllint", "openbsd-inetd"],
  ...["nagios4-core", "icinga2-bin"],
];

/**
 * A host that is also its own controller and monitoring server. xinetd conflicts with the inetd, and
 * of Prometheus only promtool(1) is used: both are unpacked.
 */
export const FLEET: DebianRoot = {
  name: "fleet",
  suite: "bookworm",
  packages: ["python3", "python3-apt"],
  archives: ["xinetd", "prometheus"],
  complete: `apt-get -q -y install --no-install-recommends ${INSTALLED.join(" ")}
dpkg -x /srv/xinetd_*.deb /
dpkg -x /srv/prometheus_*.deb /srv/prometheus
mv /srv/prometheus/usr/bin/promtool /usr/bin
rm -r /srv/*
for service in inetd nagios4 icinga2 xinetd exim4; do
  find /etc/systemd/system /etc/rc?.d -name "*$service*" -delete
done
`,
};
