/**
 * How long a refused client's first bytes are waited for, in milliseconds. Closed with bytes unread
 * the connection is reset, and check_nrpe says that it could not connect; closed before, check_nrpe
 * sends people looking for a fault of TLS.
 */
export const REFUSED_TIMEOUT = 1_000;
