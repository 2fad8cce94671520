/**
 * The client's side of TLS 1.3, by OpenSSL's library: check_nrpe uses it, and it takes less of the
 * processor than the runtime's own.
 */
import { dlopen, type Pointer } from "bun:ffi";
import { decodeBytes } from "../lib/bytes.ts";

const { symbols: ssl } = dlopen("libssl.so.3", {
  TLS_client_method: { args: [], returns: "ptr" },
  SSL_CTX_new: { args: ["ptr"], returns: "ptr" },
  SSL_CTX_ctrl: { args: ["ptr", "i32", "i64", "ptr"], returns: "i64" },
  SSL_new: { args: ["ptr"], returns: "ptr" },
  SSL_set_fd: { args: ["ptr", "i32"], returns: "i32" },
  SSL_connect: { args: ["ptr"], returns: "i32" },
  SSL_write: { args: ["ptr", "buffer", "i32"], returns: "i32" },
  SSL_read: { args: ["ptr", "buffer", "i32"], returns: "i32" },
  SSL_get_error: { args: ["ptr", "i32"], returns: "i32" },
  SSL_shutdown: { args: ["ptr"], returns: "i32" },
  SSL_free: { args: ["ptr"], returns: "void" },
});
const { symbols: crypto } = dlopen("libcrypto.so.3", {
  ERR_clear_error: { args: [], returns: "void" },
  ERR_get_error: { args: [], returns: "u64" },
  ERR_error_string_n: { args: ["u64", "buffer", "u64"], returns: "void" },
});

const SSL_CTRL_SET_MIN_PROTO_VERSION = 123;
const TLS1_3_VERSION = 0x0304n;
const SSL_ERROR_WANT_READ = 2;
const SSL_ERROR_ZERO_RETURN = 6;

/** TLS over a nonblocking socket. */
export interface TlsSession {
  /** Continues the handshake; returns whether it is complete. */
  handshake(): boolean;
  write(bytes: Uint8Array): void;
  /** Reads what has arrived; returns the bytes read, 0 at the end, or -1 if there is nothing yet. */
  read(buffer: Uint8Array): number;
  /** Sends close_notify without waiting for the agent's, as check_nrpe does; frees the session. */
  end(): void;
}

let context: Pointer | undefined;

/**
 * Starts TLS 1.3 on a connected socket, and like check_nrpe without a CA accepts any certificate. The
 * session's operations throw an Error with OpenSSL's text.
 */
export function startTls(fd: number): TlsSession {
  context ??= clientContext();
  const session = ssl.SSL_new(context)!;
  ssl.SSL_set_fd(session, fd);
  /** Tells "not yet" from a failure; OpenSSL's error queue must be empty before the operation. */
  const outcome = (result: number, operation: string): number => {
    if (result > 0) return result;
    const reason = ssl.SSL_get_error(session, result);
    if (reason === SSL_ERROR_WANT_READ) return -1;
    if (reason === SSL_ERROR_ZERO_RETURN) return 0;
    throw new Error(`${operation}: ${errorText() || `error ${reason}`}`);
  };
  return {
    handshake() {
      crypto.ERR_clear_error();
      return outcome(ssl.SSL_connect(session), "SSL_connect") > 0;
    },
    write(bytes) {
      crypto.ERR_clear_error();
      outcome(ssl.SSL_write(session, bytes, bytes.byteLength), "SSL_write");
    },
    read(buffer) {
      crypto.ERR_clear_error();
      return outcome(ssl.SSL_read(session, buffer, buffer.byteLength), "SSL_read");
    },
    end() {
      ssl.SSL_shutdown(session);
      ssl.SSL_free(session);
    },
  };
}

function clientContext(): Pointer {
  const made = ssl.SSL_CTX_new(ssl.TLS_client_method()) as Pointer;
  ssl.SSL_CTX_ctrl(made, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_3_VERSION, null);
  return made;
}

function errorText(): string {
  const code = crypto.ERR_get_error();
  if (code === 0n) return "";
  const text = new Uint8Array(256);
  crypto.ERR_error_string_n(code, text, BigInt(text.byteLength));
  return decodeBytes(text, 0, text.indexOf(0));
}
