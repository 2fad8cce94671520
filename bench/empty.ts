// An empty program: the least that a program compiled with this runtime takes to start.
