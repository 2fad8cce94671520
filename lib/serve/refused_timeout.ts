/**
 * How long the agent waits for a refused client's first bytes, in milliseconds. A connection that is
 * closed with bytes unread is reset, and check_nrpe reports that it could not connect; closed earlier,
 * check_nrpe reports a fault of TLS.
 */
export const REFUSED_TIMEOUT = 1_000;
