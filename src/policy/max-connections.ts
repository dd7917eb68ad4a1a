/** To one target, in each worker: each is an open file of the agent, and of the mirror. */
export const MAX_CONNECTIONS = 1024;
