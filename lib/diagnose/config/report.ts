/**
 * What `--check-config` finds in an nrpe.cfg and in what it names.
 */
import type { Position, WholeConfig } from "../../config/config.ts";
import type { ArgumentMode, DirectiveName } from "../../config/settings.ts";
import type { PrintedFinding } from "../../wrappers/lint/finding.ts";

/** How the agent is started, as far as it is known. What is not known is checked for every way. */
export interface AgentStart {
  /** `inetd` is -i; `daemon` is -d, -f or -s. */
  readonly mode?: "inetd" | "daemon" | undefined;
  /** Whether the command line leaves TLS to nrpe.cfg: false with -n. */
  readonly tls?: boolean;
  /**
   * The user and the group, by name or number, that inetd or a service manager starts the agent as; not
   * root, which drops its privileges. Without a user, those that nrpe.cfg names count.
   */
  readonly user?: string | undefined;
  readonly group?: string | undefined;
}

/** A finding in the form of those about access tables, with a code of ./catalogue.ts or of the loader. */
export type ConfigFinding = PrintedFinding;

/** The user that the agent runs as, for whom permissions are checked. */
export interface AgentUser {
  /** The name, or the number of one without a name. */
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Where the user is from: `nrpe_user`, `the caller`, or the file that starts the agent. */
  readonly from: string;
}

/** A command definition, and what it would start. */
export interface CommandReport {
  readonly name: string;
  readonly position: Position;
  /** The command line, with the prefix, before macros are expanded. */
  readonly line: string;
  /** How it gets the arguments of a request. */
  readonly mode: ArgumentMode;
  /** Whether a shell runs the line. */
  readonly shell: boolean;
  /**
   * The files that it executes, in their order; sudo(8) and what sudo runs, for instance. Empty where
   * only a shell knows.
   */
  readonly programs: readonly ProgramReport[];
}

/** A program of a command. */
export interface ProgramReport {
  /** Its path, or its name where it is not in PATH. */
  readonly file: string;
  /** Why the agent's user cannot run it; undefined where nothing speaks against it. */
  readonly problem: string | undefined;
}

/** A certificate, or the CRL of a CA, in a file that nrpe.cfg names. */
export interface CertificateReport {
  readonly file: string;
  readonly directive: "ssl_cert_file" | "ssl_cacert_file" | "ssl_crl_file" | "tls_state_file";
  /** In one line: `CN=host.example, O=Example`. Of a CRL it is the CA. */
  readonly subject: string;
  /** The end of its validity, as in RFC 3339. */
  readonly validTo: string;
  /** Whole days until then; negative where it has expired. */
  readonly daysLeft: number;
}

/** A way to start the agent that leaves directives unread; `plain` is without TLS. */
export type IgnoringMode = "always" | "daemon" | "inetd" | "nowait" | "plain";

/** The result of a check. */
export interface ConfigReport {
  /** The path of nrpe.cfg as it was given. */
  readonly file: string;
  /** undefined where errors leave none. */
  readonly config: WholeConfig | undefined;
  /** undefined where it is not known who runs the agent. */
  readonly user: AgentUser | undefined;
  /** In the order of files and lines. The worst decides the exit status. */
  readonly findings: readonly ConfigFinding[];
  readonly commands: readonly CommandReport[];
  readonly certificates: readonly CertificateReport[];
  /** Directives that are given and do not count: under inetd, there with nowait, as a daemon, or ever. */
  readonly ignored: Readonly<Record<IgnoringMode, readonly DirectiveName[]>>;
}
