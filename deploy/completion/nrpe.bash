# Completion of nrpe, check_nrpe, tcpdmatch, tcpdchk in bash(1).
# Made from the help texts by tools/completions.ts: do not edit.

# Completes the lines of standard input that begin with the current word. They are quoted: a name may
# hold characters of the shell.
_nrpe_lines() {
  local line
  while IFS= read -r line; do
    [[ -n $line && $line == "$current"* ]] && COMPREPLY+=("$(printf %q "$line")")
  done
}

# Prints the names of the commands in the file that -c names on the command line.
_nrpe_commands() {
  local at file config=()
  for ((at = 1; at < ${#COMP_WORDS[@]} - 1; at++)); do
    case ${COMP_WORDS[at]} in
      --config | -c | -[!-]*c)
        [[ ${COMP_WORDS[at + 1]} == = ]] && at=$((at + 1))
        file=${COMP_WORDS[at + 1]//[\\\"\']/}
        config=(-c "${file/#\~\//$HOME/}") ;;
    esac
  done
  "$1" --run --list "${config[@]}" 2> /dev/null
}

_nrpe() {
  local current=$2 before=$3 program=${1##*/} word given=0 at
  local options='' file='' host='' rest='' other='' words=none
  COMPREPLY=()
  # What follows --config= is a word of its own, and so is the equals sign.
  [[ $current == = ]] && current='' before='='
  [[ $before == = ]] && before=${COMP_WORDS[COMP_CWORD - 2]}
  [[ $before == = ]] && before=${COMP_WORDS[COMP_CWORD - 3]}
  for word in "${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
    case $word in
      --check-access | --check-config | --doctor | --probe | --run | --wrap) program=$word; break ;;
    esac
  done
  case $program in
    nrpe)
      options='-V --version -l --license -h --help -n --no-ssl -c --config -4 --ipv4 -6 --ipv6 -C --dont-chdir -i --inetd -d --daemon -f --no-forking -s --src --check-access --check-config --doctor --run --wrap --probe'
      file='-c --config'
      words=none ;;
    --check-access)
      options='-c --config --hosts-allow --hosts-deny --command --subject --lookup --json -h --help'
      file='-c --config --hosts-allow --hosts-deny'
      other='--command --subject'
      words=hosts ;;
    --check-config)
      options='-c --config -i -d -f -s -n --load-only --json -h --help'
      file='-c --config'
      words=none ;;
    --doctor)
      options='-c --config --json -h --help'
      file='-c --config'
      words=none ;;
    --probe)
      options='--hosts -n --no-ssl -2 --v2-packets-only -3 --v3-packets-only -t --timeout -c --command -a --args --json -h --help'
      file='--hosts'
      rest='-a --args'
      other='-t --timeout -c --command'
      words=hosts ;;
    --run)
      options='-c --config -i --inetd -d -f -s --list -h --help'
      file='-c --config'
      words=commands ;;
    --wrap)
      options=''
      words=programs ;;
    check_nrpe)
      options='-H --host -p --port -c --command -a --args -t --timeout -u --unknown-timeout -n --no-ssl -2 --v2-packets-only -3 --v3-packets-only -P --payload-size -4 --ipv4 -6 --ipv6 -b --bind -d --use-adh -S --ssl-version -L --cipher-list -C --client-cert -K --key-file -A --ca-cert-file -s --ssl-logging -g --log-file -D --disable-syslog -E --stderr-to-stdout -f --config-file -V --version -l --license -h --help'
      file='-C --client-cert -K --key-file -A --ca-cert-file -g --log-file -f --config-file'
      host='-H --host'
      rest='-a --args'
      other='-p --port -c --command -t --timeout -P --payload-size -b --bind -d --use-adh -S --ssl-version -L --cipher-list -s --ssl-logging'
      words=none ;;
    tcpdmatch)
      options='-d -i'
      file='-i'
      words=hosts ;;
    tcpdchk)
      options='-a -d -i -v'
      file='-i'
      words=none ;;
  esac
  # Words that stand before this one and are neither options nor their values.
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=${COMP_WORDS[at]}
    # Of joined letters the last one may take a value.
    [[ $word == -[!-]?* ]] && word=-${word: -1}
    case " $rest " in *" $word "*) return ;; esac
    case " $file $host $other " in
      *" $word "*) at=$((at + 1)); [[ ${COMP_WORDS[at]} == = ]] && at=$((at + 1)) ;;
      *) [[ $word == -* || $word == = ]] || given=$((given + 1)) ;;
    esac
  done
  [[ $before == -[!-]?* ]] && before=-${before: -1}
  case " $file " in *" $before "*) words=files given=0 ;; esac
  case " $host " in *" $before "*) words=hosts given=0 ;; esac
  case " $other " in *" $before "*) return ;; esac
  if [[ $current == -* && $words != files && ($words != programs || $given == 0) ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    return
  fi
  case $words in
    files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    hosts) mapfile -t COMPREPLY < <(compgen -A hostname -- "$current") ;;
    commands) ((given == 0)) && _nrpe_lines < <(_nrpe_commands "$1") ;;
    programs)
      compopt -o filenames
      if ((given > 0)) || [[ $current == */* ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
      else
        mapfile -t COMPREPLY < <(compgen -c -- "$current")
      fi ;;
  esac
}

complete -F _nrpe nrpe check_nrpe tcpdmatch tcpdchk
