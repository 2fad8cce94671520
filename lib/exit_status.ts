/** The exit statuses of an agent that serves. */
export const SERVED = 0;
/** It cannot serve: an error in nrpe.cfg, or it would run as root, for instance. */
export const CANNOT_SERVE = 2;
