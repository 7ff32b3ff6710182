"""What several test rooms share: engines, clients, servers."""
