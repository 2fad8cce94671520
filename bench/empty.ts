// An empty program: the start that no program compiled with this runtime can do without.
