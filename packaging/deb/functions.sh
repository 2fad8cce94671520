state=/var/lib/nrpe-one
c_agent=nagios-nrpe-server
# The other name of nrpe.service, which comes with its enabling.
alias=/etc/systemd/system/$c_agent.service

# What nagios-nrpe-server has made and the agent goes on with.
adopted='/etc/nagios/nrpe.cfg /etc/nagios/nrpe_local.cfg /etc/default/nagios-nrpe-server'

# Whether dpkg has a file among the conffiles of another package, which may have been removed since.
is_conffile() {
	dpkg-query -W -f '${Conffiles}\n' 2>/dev/null | grep -q "^ $1 "
}

# dpkg leaves diverted conffiles alone when it purges the package that they came with.
protect_adopted() {
	for file in $adopted; do
		if is_conffile "$file"; then
			dpkg-divert --quiet --package nrpe-one --no-rename \
				--divert "$file.$c_agent" --add "$file"
		fi
	done
}

release_adopted() {
	for file in $adopted; do
		if [ "$(dpkg-divert --listpackage "$file")" = nrpe-one ]; then
			dpkg-divert --quiet --package nrpe-one --no-rename --remove "$file"
		fi
	done
}
