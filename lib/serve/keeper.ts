/**
 * Somebody who ends the plugins of an agent that has been killed. Linux would let a process ask for
 * its own end with its parent's, but only by code that runs in it before the plugin does, and there is
 * no such code between posix_spawn(3) and a plugin.
 */
import { GRACE } from "../command/plugin.ts";
import { type Log, Severity } from "../log.ts";
import { listenForChildren, onceEnded } from "../system/children.ts";
import { closeFile, now, SystemError } from "../system/libc.ts";
import { makePipe, startDetached } from "../system/process.ts";
import { openRoster } from "../system/roster.ts";
import { logRarely } from "./rarely.ts";

/** How long after a keeper's end, or after one could not be started, it is tried again, in milliseconds. */
const PAUSE = 1_000;

/**
 * A shell's whole life. Its standard input is a pipe on which nobody writes, and which ends when the
 * agent does; its standard output is the roster, to be read.
 *
 * A process that was being started just then is none of the roster's groups yet. It is found by what
 * all the agent's plugins share: it leads a group of the agent's session, where the keeper is too, and
 * whoever has got the keeper for a child now has got it as well, if the agent does not still have both.
 */
const LIFE = `# nrpe-keeper
cd /
trap '' HUP INT QUIT TERM
agent=$PPID groups=
read -r nothing
{
  read -r since
  while read -r group; do groups="$groups\${group:+ -$group}"; done
} <&1
look() {
  stat=
  read -r stat <"/proc/$1/stat"
  stat=\${stat##*) }
}
if [ "$since" ]; then
  look $$
  set -- $stat
  session=$4
  for process in /proc/[1-9]*; do
    pid=\${process#/proc/}
    look "$pid"
    set -- $stat
    [ "$3 $4" = "$pid $session" ] && [ "\${20}" -ge "$since" ] && [ "$pid" != $$ ] || continue
    parent=$2
    look $$
    set -- $stat
    case $parent in "$agent" | "$2") groups="$groups -$pid" ;; esac
  done
fi
[ "$groups" ] || exit 0
kill -s TERM -- $groups
sleep ${GRACE / 1000}
kill -s KILL -- $groups
`;

const KEEPER = {
  file: "/bin/sh",
  argv: ["/bin/sh", "-c", LIFE],
  environment: ["PATH=/usr/bin:/bin"],
};

/**
 * Starts a keeper, and another one whenever it ends. Without one the agent serves all the same; the
 * log says so, and it is tried again.
 */
export function startKeeper(log: Log): void {
  const rarely = logRarely(log, now);
  let isMissed = false;
  const start = () => {
    try {
      beginKeeping(() => {
        rarely("keeper", "Warning: the keeper of the plugins has ended, there will be another");
        setTimeout(start, PAUSE);
      });
      isMissed = false;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      const { message } = error;
      const missed =
        `Warning: no keeper, plugins would outlive an agent that is killed: ${message}`;
      if (!isMissed) log(Severity.warning, missed);
      isMissed = true;
      setTimeout(start, PAUSE);
    }
  };
  listenForChildren();
  start();
}

/**
 * @param ended Called when the keeper has ended, which it should not before the agent does.
 * @throws {SystemError} when it cannot be started.
 */
function beginKeeping(ended: () => void): void {
  const roster = openRoster();
  const { readEnd, writeEnd } = makePipe();
  try {
    onceEnded(startDetached(KEEPER, readEnd, roster), () => {
      closeFile(writeEnd);
      ended();
    });
  } catch (error) {
    closeFile(writeEnd);
    throw error;
  } finally {
    closeFile(readEnd);
  }
}
