# Completion of nrpe, check_nrpe, tcpdmatch, tcpdchk in fish(1).
# Made from the help texts by tools/completions.ts: do not edit.

# Whether the words so far start this program: an option such as --doctor, or the agent itself.
function __nrpe_is
    for word in (commandline -opc)[2..-1]
        if contains -- $word --check-access --check-config --doctor --probe --run --wrap
            test $word = $argv[1]
            return
        end
    end
    test $argv[1] = nrpe
end

# Prints the names of the commands in the file that -c names on the command line.
function __nrpe_commands
    set -l words (commandline -opc)
    set -l config
    for at in (seq 2 (count $words))
        if string match -qr -- '^(-[^-]*c|--config)$' $words[$at]; and set -q words[(math $at + 1)]
            set config -c $words[(math $at + 1)]
        else if string match -q -- '--config=*' $words[$at]
            set config -c (string replace -- --config= '' $words[$at])
        end
    end
    $words[1] --run --list $config 2> /dev/null
end

complete -c nrpe -n '__nrpe_is nrpe' -f
complete -c nrpe -n '__nrpe_is nrpe' -s V -l version -d 'Print the version and quit'
complete -c nrpe -n '__nrpe_is nrpe' -s l -l license -d 'Print the licence and quit'
complete -c nrpe -n '__nrpe_is nrpe' -s h -l help -d 'Print this text and quit'
complete -c nrpe -n '__nrpe_is nrpe' -s n -l no-ssl -d 'Do not use SSL/TLS'
complete -c nrpe -n '__nrpe_is nrpe' -s c -l config -r -F -d 'The configuration file'
complete -c nrpe -n '__nrpe_is nrpe' -s 4 -l ipv4 -d 'Use IPv4 only'
complete -c nrpe -n '__nrpe_is nrpe' -s 6 -l ipv6 -d 'Use IPv6 only'
complete -c nrpe -n '__nrpe_is nrpe' -s C -l dont-chdir -d 'As a daemon, stay in the working directory'
complete -c nrpe -n '__nrpe_is nrpe' -s i -l inetd -d 'Serve the connection, or the listening socket, that inetd or xinetd passes on'
complete -c nrpe -n '__nrpe_is nrpe' -s d -l daemon -d 'Run as a daemon in the background'
complete -c nrpe -n '__nrpe_is nrpe' -s f -l no-forking -d 'Run as a daemon in the foreground'
complete -c nrpe -n '__nrpe_is nrpe' -s s -l src -d 'The same as -f'
complete -c nrpe -n '__nrpe_is nrpe' -l check-access -d 'Say what hosts.allow and hosts.deny decide for a client, and why'
complete -c nrpe -n '__nrpe_is nrpe' -l check-config -d 'Say what is wrong with the configuration file and what it names'
complete -c nrpe -n '__nrpe_is nrpe' -l doctor -d 'Go the way of a check on this host, and say what to mend first'
complete -c nrpe -n '__nrpe_is nrpe' -l run -d 'Run a command as the agent would, and show what it wrote'
complete -c nrpe -n '__nrpe_is nrpe' -l wrap -d 'Ask hosts.allow and hosts.deny about the client of a connection, and become the program, as tcpd does'
complete -c nrpe -n '__nrpe_is nrpe' -l probe -d 'Say what answers at a host'

complete -c nrpe -n '__nrpe_is --check-access' -f -a '(__fish_print_hostnames)'
complete -c nrpe -n '__nrpe_is --check-access' -s c -l config -r -F -d 'Ask this nrpe.cfg as well'
complete -c nrpe -n '__nrpe_is --check-access' -l hosts-allow -r -F -d 'Ask this table instead of /etc/hosts.allow'
complete -c nrpe -n '__nrpe_is --check-access' -l hosts-deny -r -F -d 'Ask this table instead of /etc/hosts.deny'
complete -c nrpe -n '__nrpe_is --check-access' -l command -x -d 'Say as well whether the client may ask for this command of nrpe.cfg'
complete -c nrpe -n '__nrpe_is --check-access' -l subject -x -d 'The certificate that the client presents'
complete -c nrpe -n '__nrpe_is --check-access' -l lookup -d 'Look up the name of a client that is given by its address, or, without a client, the names in the tables'
complete -c nrpe -n '__nrpe_is --check-access' -l json -d 'Print JSON, one object a line'
complete -c nrpe -n '__nrpe_is --check-access' -s h -l help -d 'Print this text and quit'

complete -c nrpe -n '__nrpe_is --check-config' -f
complete -c nrpe -n '__nrpe_is --check-config' -s c -l config -r -F -d 'The configuration file'
complete -c nrpe -n '__nrpe_is --check-config' -s i -d 'How the agent is started, as on its own command line'
complete -c nrpe -n '__nrpe_is --check-config' -s d -d 'How the agent is started, as on its own command line'
complete -c nrpe -n '__nrpe_is --check-config' -s f -d 'How the agent is started, as on its own command line'
complete -c nrpe -n '__nrpe_is --check-config' -s s -d 'How the agent is started, as on its own command line'
complete -c nrpe -n '__nrpe_is --check-config' -s n -d 'How the agent is started, as on its own command line'
complete -c nrpe -n '__nrpe_is --check-config' -l load-only -d 'Check only whether the agent would load it'
complete -c nrpe -n '__nrpe_is --check-config' -l json -d 'Print JSON, one object a line'
complete -c nrpe -n '__nrpe_is --check-config' -s h -l help -d 'Print this text'

complete -c nrpe -n '__nrpe_is --doctor' -f
complete -c nrpe -n '__nrpe_is --doctor' -s c -l config -r -F -d 'Check this nrpe.cfg'
complete -c nrpe -n '__nrpe_is --doctor' -l json -d 'Print JSON, one object a line'
complete -c nrpe -n '__nrpe_is --doctor' -s h -l help -d 'Print this text and quit'

complete -c nrpe -n '__nrpe_is --probe' -f -a '(__fish_print_hostnames)'
complete -c nrpe -n '__nrpe_is --probe' -l hosts -r -F -d 'Ask all hosts of a file, one a line, many at once'
complete -c nrpe -n '__nrpe_is --probe' -s n -l no-ssl -d 'Do not use TLS'
complete -c nrpe -n '__nrpe_is --probe' -s 2 -l v2-packets-only -d 'Ask in packets of version 2 only'
complete -c nrpe -n '__nrpe_is --probe' -s 3 -l v3-packets-only -d 'Ask in packets of version 3 only'
complete -c nrpe -n '__nrpe_is --probe' -s t -l timeout -x -d 'How long a host has for its answer'
complete -c nrpe -n '__nrpe_is --probe' -s c -l command -x -d 'Ask for this command'
complete -c nrpe -n '__nrpe_is --probe' -s a -l args -x -d 'Arguments for the command'
complete -c nrpe -n '__nrpe_is --probe' -l json -d 'Print JSON, one object a line'
complete -c nrpe -n '__nrpe_is --probe' -s h -l help -d 'Print this text and quit'

complete -c nrpe -n '__nrpe_is --run' -f -a '(__nrpe_commands)'
complete -c nrpe -n '__nrpe_is --run' -s c -l config -r -F -d 'The configuration file'
complete -c nrpe -n '__nrpe_is --run' -s i -l inetd -d 'As under inetd'
complete -c nrpe -n '__nrpe_is --run' -s d -d 'As a daemon, which is the default'
complete -c nrpe -n '__nrpe_is --run' -s f -d 'As a daemon, which is the default'
complete -c nrpe -n '__nrpe_is --run' -s s -d 'As a daemon, which is the default'
complete -c nrpe -n '__nrpe_is --run' -l list -d 'Print the names of all commands, one a line, and run none'
complete -c nrpe -n '__nrpe_is --run' -s h -l help -d 'Print this text'

complete -c nrpe -n '__nrpe_is --wrap' -f -F -a '(__fish_complete_command)'

complete -c check_nrpe -f
complete -c check_nrpe -s H -l host -x -a '(__fish_print_hostnames)' -d 'The host that the agent runs on'
complete -c check_nrpe -s p -l port -x -d 'Its port'
complete -c check_nrpe -s c -l command -x -d 'The command to run there'
complete -c check_nrpe -s a -l args -x -d 'Arguments for the command'
complete -c check_nrpe -s t -l timeout -x -d 'How long to wait'
complete -c check_nrpe -s u -l unknown-timeout -d 'That state is UNKNOWN'
complete -c check_nrpe -s n -l no-ssl -d 'Do not use TLS'
complete -c check_nrpe -s 2 -l v2-packets-only -d 'Ask in packets of version 2'
complete -c check_nrpe -s 3 -l v3-packets-only -d 'Ask in packets of version 3, then 2'
complete -c check_nrpe -s P -l payload-size -x -d 'With -2, the size of the packet'\''s buffer'
complete -c check_nrpe -s 4 -l ipv4 -d 'Use IPv4 only'
complete -c check_nrpe -s 6 -l ipv6 -d 'Use IPv6 only'
complete -c check_nrpe -s b -l bind -x -d 'Connect from this local address'
complete -c check_nrpe -s d -l use-adh -x -d 'With 2, try anonymous DH before certificates'
complete -c check_nrpe -s S -l ssl-version -x -d 'TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3, with + for newer ones too'
complete -c check_nrpe -s L -l cipher-list -x -d 'The ciphers, as OpenSSL names them'
complete -c check_nrpe -s C -l client-cert -r -F -d 'This client'\''s certificate'
complete -c check_nrpe -s K -l key-file -r -F -d 'The key of that certificate'
complete -c check_nrpe -s A -l ca-cert-file -r -F -d 'The agent'\''s certificate must be signed by this CA'
complete -c check_nrpe -s s -l ssl-logging -x -d 'Log TLS'
complete -c check_nrpe -s g -l log-file -r -F -d 'Log to this file instead of syslog'
complete -c check_nrpe -s D -l disable-syslog -d 'Do not log to syslog'
complete -c check_nrpe -s E -l stderr-to-stdout -d 'Print errors on standard output'
complete -c check_nrpe -s f -l config-file -r -F -d 'Read options from a file'
complete -c check_nrpe -s V -l version -d 'Print the version and quit'
complete -c check_nrpe -s l -l license -d 'Print the licence and quit'
complete -c check_nrpe -s h -l help -d 'Print this text and quit'

complete -c tcpdmatch -f -a '(__fish_print_hostnames)'
complete -c tcpdmatch -s d -d 'Use the tables of the working directory'
complete -c tcpdmatch -s i -r -F -d 'The inetd.conf to compare names with'

complete -c tcpdchk -f
complete -c tcpdchk -s a -d 'Report rules that grant without allow'
complete -c tcpdchk -s d -d 'Use the tables of the working directory'
complete -c tcpdchk -s i -r -F -d 'The inetd.conf to compare names with'
complete -c tcpdchk -s v -d 'Print each rule'
