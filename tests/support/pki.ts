import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Room } from "./room.ts";

/** A certificate and its key, in PEM files. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** Certificates made by the real openssl. */
export interface Pki {
  readonly ca: Pair;
  /** Of the CA, by way of another one; the file holds the chain. */
  readonly server: Pair;
  readonly good: Pair;
  readonly expired: Pair;
  /** Of a CA that is not trusted. */
  readonly foreign: Pair;
}

const EXTENSIONS = `[ca]
basicConstraints=critical,CA:true
[leaf]
basicConstraints=CA:false
`;

function openssl(room: Room, ...args: readonly string[]): void {
  const run = Bun.spawnSync(["openssl", ...args], { cwd: room.path });
  if (run.exitCode !== 0) throw new Error(`openssl ${args.join(" ")}: ${run.stderr}`);
}

/** A client's certificate of a CA. */
export interface Issued {
  /** As for openssl req: `/O=Test/CN=name`. */
  readonly subject: string;
  /** Alternative names, as for openssl x509v3_config: `DNS:name,IP:192.0.2.1`. */
  readonly alternatives?: string;
  /** Options of openssl req. */
  readonly options?: readonly string[];
}

let issued = 0;

/** Issues a client's certificate; every user can read it and its key. */
export function issue(room: Room, ca: Pair, wanted: Issued): Pair {
  const { subject, alternatives, options = [] } = wanted;
  const name = `issued-${++issued}`;
  const [cert, key, csr] = ["crt", "key", "csr"].map((end) =>
    join(room.path, `${name}.${end}`)
  ) as [string, string, string];
  const extensions = room.file(
    `${name}.cnf`,
    "basicConstraints=CA:false\n" +
      (alternatives === undefined ? "" : `subjectAltName=${alternatives}\n`),
  );
  openssl(room, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key);
  openssl(room, "req", "-new", "-key", key, "-subj", subject, ...options, "-out", csr);
  openssl(
    room,
    ...["x509", "-req", "-in", csr, "-out", cert, "-extfile", extensions, "-days", "30"],
    ...["-CA", ca.cert, "-CAkey", ca.key, "-CAcreateserial"],
  );
  Bun.spawnSync(["chmod", "644", key]);
  return { cert, key };
}

/** What a revocation list says. */
export interface Revoking {
  readonly revoked?: readonly Pair[];
  /** When it was made and when the next one is due, in seconds from now; 0 and five days if not given. */
  readonly from?: number;
  readonly until?: number;
  /** Lines of a section of extensions, for openssl x509v3_config. */
  readonly extensions?: string;
}

/** The text of a revocation list that a CA signs, in PEM. */
export function makeCrl(room: Room, ca: Pair, revoking: Revoking = {}): string {
  const { revoked = [], from = 0, until = 5 * 24 * 3600, extensions } = revoking;
  const name = `crl-${++issued}`;
  const file = join(room.path, `${name}.pem`);
  room.file(`${name}.txt`, "");
  const config = room.file(
    `${name}.cnf`,
    `[ca]\ndefault_ca=own\n[own]\ndatabase=${room.path}/${name}.txt\ndefault_md=sha256\n` +
      `[extensions]\n${extensions ?? ""}\n`,
  );
  const asCa = ["ca", "-config", config, "-cert", ca.cert, "-keyfile", ca.key];
  for (const { cert } of revoked) openssl(room, ...asCa, "-revoke", cert);
  const time = (seconds: number) =>
    new Date(Date.now() + seconds * 1000).toISOString().replace(/[-:T]|\.[0-9]+/g, "");
  openssl(
    room,
    ...asCa,
    ...["-gencrl", "-crl_lastupdate", time(from), "-crl_nextupdate", time(until), "-out", file],
    ...extensions === undefined ? [] : ["-crlexts", "extensions"],
  );
  return readFileSync(file, "latin1");
}

/** Makes a CA, a server's chain and clients' certificates in a room; every user can read them. */
export function makePki(room: Room): Pki {
  const extensions = room.file("extensions.cnf", EXTENSIONS);
  const pairOf = (name: string): Pair => ({
    cert: join(room.path, `${name}.crt`),
    key: join(room.path, `${name}.key`),
  });
  const make = (name: string, kind: "ca" | "leaf", issuer?: Pair, ...dates: string[]): Pair => {
    const { cert, key } = pairOf(name);
    openssl(room, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key);
    openssl(room, "req", "-new", "-key", key, "-subj", `/O=Test/CN=${name}`, "-out", `${name}.csr`);
    const signer = issuer === undefined
      ? ["-signkey", key]
      : ["-CA", issuer.cert, "-CAkey", issuer.key, "-CAcreateserial"];
    const validity = dates.length === 0 ? ["-days", "30"] : dates;
    openssl(
      room,
      ...["x509", "-req", "-in", `${name}.csr`, "-out", cert, "-extfile", extensions],
      ...["-extensions", kind, ...signer, ...validity],
    );
    Bun.spawnSync(["chmod", "644", key]);
    return { cert, key };
  };
  const ca = make("ca", "ca");
  const between = make("between", "ca", ca);
  const server = make("server", "leaf", between);
  Bun.spawnSync(["sh", "-c", `cat ${between.cert} >> ${server.cert}`]);
  const foreignCa = make("foreign-ca", "ca");
  return {
    ca,
    server,
    good: make("good", "leaf", ca),
    expired: make("expired", "leaf", ca, "-days", "-1"),
    foreign: make("foreign", "leaf", foreignCa),
  };
}
