import type { CommandSettings } from "./config.ts";

/** Whether who may ask for a command depends on the client. */
export function isRestricted(settings: CommandSettings | undefined): boolean {
  return settings?.command_allowed_hosts !== undefined ||
    settings?.command_allowed_subjects !== undefined;
}
