// The vm-agent.
