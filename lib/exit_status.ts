/** The exit statuses of an agent that is to serve. */
export const SERVED = 0;
/** Nobody can be served: the configuration is wrong, or the agent would run as root. */
export const CANNOT_SERVE = 2;
