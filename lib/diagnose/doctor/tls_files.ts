/** The line of nrpe.cfg that mends a TLS set-up, by the files that lie beside those it names. */
import type { KeyObject, X509Certificate } from "node:crypto";
import type { WholeConfig } from "../../config/config.ts";
import { namesIn, textOf } from "../starters/read_text.ts";

/** How many files of a directory are looked at. */
const MOST_FILES = 64;
const PEM_FILE = /\.(pem|key|crt|cer)$/;

/**
 * A key that fits the certificate in place of one that does not, or the CA that client certificates
 * need; undefined where neither is what is wrong, or no such file is found.
 */
export function tlsFix(config: WholeConfig, file: string): string | undefined {
  const { ssl_cert_file, ssl_privatekey_file, ssl_cacert_file, ssl_client_certs } = config;
  const directories = [...new Set([ssl_cert_file ?? file, file].map(directoryOf))];
  const own = ssl_cert_file === undefined ? undefined : certificateIn(ssl_cert_file);
  if (own !== undefined && ssl_privatekey_file !== undefined) {
    const key = keyIn(ssl_privatekey_file);
    if (key !== undefined && !own.checkPrivateKey(key)) {
      const other = findFile(directories, (path) => {
        const key = keyIn(path);
        return key !== undefined && own.checkPrivateKey(key);
      });
      return other && `ssl_privatekey_file=${other}`;
    }
  }
  if (ssl_client_certs === 0 || ssl_cacert_file !== undefined) return undefined;
  const ca = findFile(directories, (path) => certificateIn(path)?.ca ?? false);
  return `ssl_cacert_file=${ca ?? `${directoryOf(file)}/ca.pem`}`;
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

function findFile(
  directories: readonly string[],
  suits: (path: string) => boolean,
): string | undefined {
  const paths = directories.flatMap((directory) =>
    namesIn(directory).filter((name) => PEM_FILE.test(name)).slice(0, MOST_FILES).map((name) =>
      `${directory}/${name}`
    )
  );
  return paths.find(suits);
}

/** The first certificate of a file; undefined where there is none. */
function certificateIn(path: string): X509Certificate | undefined {
  const { X509Certificate } = process.getBuiltinModule("node:crypto");
  try {
    return new X509Certificate(textOf(path));
  } catch {
    return undefined;
  }
}

/** The private key of a file; undefined where there is none, or it is encrypted. */
function keyIn(path: string): KeyObject | undefined {
  const { createPrivateKey } = process.getBuiltinModule("node:crypto");
  try {
    return createPrivateKey(textOf(path));
  } catch {
    return undefined;
  }
}
