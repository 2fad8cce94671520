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

/** Makes a CA, a server's chain and clients' certificates in a room; every user can read them. */
export function makePki(room: Room): Pki {
  const extensions = room.file("extensions.cnf", EXTENSIONS);
  const openssl = (...args: string[]) => {
    const run = Bun.spawnSync(["openssl", ...args], { cwd: room.path });
    if (run.exitCode !== 0) throw new Error(`openssl ${args.join(" ")}: ${run.stderr}`);
  };
  const pairOf = (name: string): Pair => ({
    cert: join(room.path, `${name}.crt`),
    key: join(room.path, `${name}.key`),
  });
  const make = (name: string, kind: "ca" | "leaf", issuer?: Pair, ...dates: string[]): Pair => {
    const { cert, key } = pairOf(name);
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key);
    openssl("req", "-new", "-key", key, "-subj", `/O=Test/CN=${name}`, "-out", `${name}.csr`);
    const signer = issuer === undefined
      ? ["-signkey", key]
      : ["-CA", issuer.cert, "-CAkey", issuer.key, "-CAcreateserial"];
    const validity = dates.length === 0 ? ["-days", "30"] : dates;
    openssl(
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
